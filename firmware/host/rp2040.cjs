/* Runs an RP2040 image headless on the npm package rp2040js: what UART0 sends goes to standard output.
 *
 *   node rp2040.cjs <folder of rp2040js> <uf2> talk
 *   node rp2040.cjs <folder of rp2040js> <uf2> run [<file of counts> <marked address>...]
 *
 * Starts as the chip's ROM does: the UF2's blocks go to flash, and its first 256 bytes, when they have the checksum
 * that they must have, are copied to RAM and called.
 *
 * "talk": standard input goes to UART0, until it ends. "run": ends when the image sends EOT (4) and a byte, the exit
 * status; each time that a marked address is reached a line "<number of the mark, from 0> <instructions executed before
 * it> <cycles>" goes to the file of counts. */
"use strict";
const fs = require("node:fs");

const [, , modules, uf2, mode, countsFile, ...marked] = process.argv;
const { RP2040 } = require(modules);

const FLASH = 0x10000000;
const RAM = 0x20000000;
const RAM_END = 0x20042000;
const SECOND_STAGE = 0x20041f00;
const FAMILY = 0xe48bff56;
const HARD_FAULT = 3;
const LOCKED_UP = 70;
const EOT = 4;
const SLICE = 2000; /* instructions between two looks at standard input */

function fault(_component, message) {
    throw new Error(message);
}

/* Every block must be whole, of this chip, for flash, and all of them there. */
function load(flash) {
    const file = fs.readFileSync(uf2);
    const blocks = file.length / 512;
    for (let i = 0; i < blocks; i++) {
        const block = file.subarray(i * 512, (i + 1) * 512);
        const [start0, start1, flags, address, bytes, number, count, family] = new Uint32Array(
            Uint8Array.from(block.subarray(0, 32)).buffer,
        );
        const end = block.readUInt32LE(508);
        if (start0 !== 0x0a324655 || start1 !== 0x9e5d5157 || end !== 0x0ab16f30 || flags !== 0x2000) {
            fault("uf2", `block ${i} is none`);
        }
        if (family !== FAMILY || bytes !== 256 || number !== i || count !== blocks || address % 256 !== 0) {
            fault("uf2", `block ${i} is not of this chip`);
        }
        flash.set(block.subarray(32, 32 + bytes), address - FLASH);
    }
}

function crc32(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte << 24;
        for (let bit = 0; bit < 8; bit++) {
            crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
        }
        crc |= 0;
    }
    return crc >>> 0;
}

function boot(chip) {
    const stage = chip.flash.subarray(0, 256);
    if (crc32(stage.subarray(0, 252)) !== Buffer.from(stage).readUInt32LE(252)) {
        fault("rom", "the second stage has not the right checksum");
    }
    chip.sram.set(stage, SECOND_STAGE - RAM);
    chip.core.SP = RAM_END;
    chip.core.PC = SECOND_STAGE;
}

const text = [];
const counts = [];
let instructions = 0;
let status = null;

function finish() {
    if (countsFile) {
        fs.writeFileSync(countsFile, counts.join(""));
    }
    flush();
    process.exit(status);
}

function flush() {
    if (text.length > 0) {
        fs.writeSync(1, Buffer.from(text.splice(0)));
    }
}

function lockUp(error) {
    text.push(...Buffer.from(`\nFAULT stack overflow or lock-up: ${error.message}\n`));
    status = LOCKED_UP;
    finish();
}

const chip = new RP2040();
const core = chip.core;
chip.logger = { debug() {}, info() {}, warn: fault, error: fault };
chip.onBreak = (code) => fault("core", `breakpoint ${code}`);
try {
    load(chip.flash);
    boot(chip);
} catch (error) {
    lockUp(error);
}

let ending = false;
chip.uart[0].onByte = (byte) => {
    if (ending) {
        status = byte;
    } else if (byte === EOT && mode === "run") {
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

function step() {
    const pc = core.PC;
    const mark = marks[(pc - FLASH) >>> 1];
    if (mark >= 0) {
        counts.push(`${mark} ${instructions} ${core.cycles}\n`);
    }
    instructions++;
    try {
        chip.clock.tick((core.executeInstruction() * 1e9) / chip.clkSys);
    } catch (error) {
        hardFault(pc, error);
    }
}

function run() {
    try {
        while (status === null) {
            step();
        }
    } catch (error) {
        lockUp(error);
    }
    finish();
}

/* Bytes wait here while the UART's own buffer is full. */
const waiting = [];

function talk() {
    try {
        for (let i = 0; i < SLICE; i++) {
            if (waiting.length > 0 && !chip.uart[0].rxFIFO.full) {
                chip.uart[0].feedByte(waiting.shift());
            }
            step();
        }
    } catch (error) {
        lockUp(error);
    }
    flush();
    setImmediate(talk);
}

if (mode === "talk") {
    process.stdin.on("data", (data) => waiting.push(...data));
    process.stdin.on("end", () => process.exit(0));
    talk();
} else {
    run();
}
