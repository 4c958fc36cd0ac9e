/* Runs an RP2040 image headless on the npm package rp2040js: what UART0 sends goes to standard output.
 *
 *   node rp2040.cjs <folder of rp2040js> <elf> <address of the vectors> [<file of counts> <marked address>...]
 *
 * Ends when the image sends EOT (4) and a byte: the exit status. Each time that a marked address is reached a line
 * "<number of the mark, from 0> <instructions executed before it> <cycles>" goes to the file of counts. */
"use strict";
const fs = require("node:fs");

const [, , modules, elf, vectors, countsFile, ...marked] = process.argv;
const { RP2040 } = require(modules);

const FLASH = 0x10000000;
const HARD_FAULT = 3;
const LOCKED_UP = 70;
const EOT = 4;

/* The segments of a 32-bit little-endian ELF file that lie in flash, where they are loaded. */
function load(flash) {
    const file = fs.readFileSync(elf);
    const start = file.readUInt32LE(28);
    const size = file.readUInt16LE(42);
    for (let i = 0; i < file.readUInt16LE(44); i++) {
        const at = start + i * size;
        const offset = file.readUInt32LE(at + 4);
        const bytes = file.readUInt32LE(at + 16);
        if (file.readUInt32LE(at) === 1 && bytes > 0) {
            flash.set(file.subarray(offset, offset + bytes), file.readUInt32LE(at + 12) - FLASH);
        }
    }
}

function fault(_component, message) {
    throw new Error(message);
}

const chip = new RP2040();
const core = chip.core;
chip.logger = { debug() {}, info() {}, warn: fault, error: fault };
chip.onBreak = (code) => fault("core", `breakpoint ${code}`);
load(chip.flash);
core.VTOR = Number(vectors);
core.reset();

let status = null;
let ending = false;
const text = [];
chip.uart[0].onByte = (byte) => {
    if (ending) {
        status = byte;
    } else if (byte === EOT) {
        ending = true;
    } else {
        text.push(byte);
    }
};

const marks = new Int16Array(chip.flash.length / 2).fill(-1); // by address, for speed
marked.forEach((address, mark) => {
    marks[(Number(address) - FLASH) / 2] = mark;
});

/* A bad access, as the core meets it: the hard fault's handler; a second one, while faulting, locks it up. */
function hardFault(pc, error) {
    if (core.IPSR === HARD_FAULT) {
        throw error;
    }
    core.PC = pc;
    core.exceptionEntry(HARD_FAULT);
}

const counts = [];
let instructions = 0;
try {
    while (status === null) {
        const pc = core.PC;
        const mark = marks[(pc - FLASH) >>> 1];
        if (mark >= 0) {
            counts.push(`${mark} ${instructions} ${core.cycles}\n`);
        }
        instructions++;
        try {
            core.executeInstruction();
        } catch (error) {
            hardFault(pc, error);
        }
    }
} catch (error) {
    text.push(...Buffer.from(`\nFAULT stack overflow or lock-up: ${error.message}\n`));
    status = LOCKED_UP;
}
if (countsFile) {
    fs.writeFileSync(countsFile, counts.join(""));
}
fs.writeSync(1, Buffer.from(text));
process.exitCode = status;
