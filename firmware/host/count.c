/* A QEMU plugin: how many instructions had been executed each time that a marked address was reached.
 *
 *   -plugin libcount.so,out=<file>,mark=<address>,mark=<address>...
 *
 * writes a line "<number of the mark, from 0> <instructions executed before it>" for each. An instruction that its
 * condition skips counts, as it does on the core. QEMU ships the plugins' header only from 8 on, so that the little
 * that is needed is declared here; it is the same in every version of the interface from 1 to 5, and which one to
 * ask for is up to who compiles this. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION 1
#endif

#define EXPORT __attribute__((visibility("default")))
#define MAX_MARKS 4096u

typedef uint64_t plugin_id;
typedef struct qemu_plugin_tb block_t;
typedef struct qemu_plugin_insn instruction_t;

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id id, block_t *block));
extern void qemu_plugin_register_vcpu_tb_exec_cb(block_t *block, void (*executed)(unsigned int cpu, void *data),
                                                 int flags, void *data);
extern void qemu_plugin_register_vcpu_insn_exec_cb(instruction_t *instruction,
                                                   void (*executed)(unsigned int cpu, void *data), int flags,
                                                   void *data);
extern size_t qemu_plugin_tb_n_insns(const block_t *block);
extern instruction_t *qemu_plugin_tb_get_insn(const block_t *block, size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const instruction_t *instruction);

EXPORT int qemu_plugin_version = PLUGIN_VERSION;
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

static uint64_t marks[MAX_MARKS];
static unsigned int mark_count;
static uint64_t executed;
static FILE *out;

/* The whole block is counted when it is entered; at a mark within it what is left of it is taken off again. */
static void block_entered(unsigned int cpu, void *data) {
    (void)cpu;
    executed += (uintptr_t)data;
}

static void mark_reached(unsigned int cpu, void *data) {
    const uintptr_t packed = (uintptr_t)data;

    (void)cpu;
    fprintf(out, "%lu %llu\n", (unsigned long)(packed % MAX_MARKS),
            (unsigned long long)(executed - packed / MAX_MARKS));
}

static void block_translated(plugin_id id, block_t *block) {
    const size_t count = qemu_plugin_tb_n_insns(block);

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, block_entered, 0, (void *)(uintptr_t)count);
    for (size_t i = 0; i < count; i++) {
        instruction_t *const instruction = qemu_plugin_tb_get_insn(block, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        for (unsigned int mark = 0; mark < mark_count; mark++) {
            if (marks[mark] == address) {
                qemu_plugin_register_vcpu_insn_exec_cb(instruction, mark_reached, 0,
                                                       (void *)(uintptr_t)((count - i) * MAX_MARKS + mark));
            }
        }
    }
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0 && out == NULL) {
            out = fopen(argv[i] + 4, "w");
        } else if (strncmp(argv[i], "mark=", 5) == 0 && mark_count < MAX_MARKS) {
            marks[mark_count++] = strtoull(argv[i] + 5, NULL, 0);
        } else {
            fprintf(stderr, "count: cannot take the argument %s\n", argv[i]);
            return -1;
        }
    }
    if (out == NULL) {
        fprintf(stderr, "count: no file to write\n");
        return -1;
    }
    setvbuf(out, NULL, _IOLBF, BUFSIZ); /* user-mode QEMU ends without closing it */
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    return 0;
}
