/* Frames come in over the console and outputs go back: docs/stream-protocol.md.
 *
 * No buffer but that of one request, whose size the model gives. Nothing that is damaged is acted upon, and whatever
 * was lost or made up on the way, the next request that arrives whole is understood. */
#include "app.h"
#include "console/console.h"
#include "startup/ticks.h"

#define END 0xC0u
#define ESCAPE 0xDBu
#define ESCAPED_END 0xDCu
#define ESCAPED_ESCAPE 0xDDu

#define HEADER_BYTES 4u
#define CHECKSUM_BYTES 4u
#define VERSION 1u
#define MAX_INPUTS 16u

enum { HELLO = 1, RESET = 2, PUSH = 3, INFO = 0x81, RESET_DONE = 0x82, OUTPUT = 0x83, REFUSED = 0x84 };
enum { WARMUP = 0, READY = 1, GAP = 2 };
enum { DAMAGED = 0, UNKNOWN = 1 };

/* What the device remembers between requests. `answered` holds until the next reset or gap. */
static struct {
    uint16_t expected; /* the sequence number of the next push */
    uint8_t in_step;   /* every push since the last reset has come */
    uint8_t answered;  /* the one before has, so that it may be asked for again */
    uint8_t status;    /* what came of it */
    uint32_t ticks;
} stream;

static uint32_t crc32(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) {
        crc = crc >> 1 ^ ((crc & 1u) != 0u ? 0xEDB88320u : 0u);
    }
    return crc;
}

static uint32_t sent;

static void put(uint8_t byte) {
    sent = crc32(sent, byte);
    if (byte == END || byte == ESCAPE) {
        console_put(ESCAPE);
        byte = byte == END ? ESCAPED_END : ESCAPED_ESCAPE;
    }
    console_put(byte);
}

static void put_bytes(const uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        put(bytes[i]);
    }
}

static void put_word(uint32_t word) {
    for (uint32_t shift = 0; shift < 32u; shift += 8u) {
        put((uint8_t)(word >> shift));
    }
}

static void begin(uint8_t kind, uint8_t status, uint16_t sequence) {
    console_put(END);
    sent = 0xFFFFFFFFu;
    put(kind);
    put(status);
    put((uint8_t)sequence);
    put((uint8_t)(sequence >> 8));
}

static void end(void) {
    put_word(~sent);
    console_put(END);
}

/* The bytes of the next frame that is not empty, or 0 when no more can come. Those that have no room are counted. */
static uint32_t receive(void) {
    uint8_t *const frame = app_request;
    uint32_t count = 0;
    int escaped = 0;

    for (;;) {
        const int byte = console_get();
        uint8_t value = (uint8_t)byte;
        if (byte < 0) {
            return 0;
        }
        if (value == END) {
            if (count > 0u) {
                return count;
            }
            escaped = 0;
            continue;
        }
        if (value == ESCAPE && escaped == 0) {
            escaped = 1;
            continue;
        }
        if (escaped != 0) {
            value = value == ESCAPED_END ? END : value == ESCAPED_ESCAPE ? ESCAPE : value;
            escaped = 0;
        }
        if (count < app_request_bytes) {
            frame[count] = value;
        }
        count += count <= app_request_bytes;
    }
}

static int is_intact(uint32_t count) {
    uint32_t crc = 0xFFFFFFFFu;

    if (count < HEADER_BYTES + CHECKSUM_BYTES || count > app_request_bytes) {
        return 0;
    }
    /* a message and its checksum together always give the same remainder */
    for (uint32_t i = 0; i < count; i++) {
        crc = crc32(crc, app_request[i]);
    }
    return crc == 0xDEBB20E3u;
}

static void say_hello(uint16_t sequence) {
    begin(INFO, VERSION, sequence);
    put_bytes((const uint8_t *)app_model_sha256, 64);
    put_word(TICKS_HZ);
    put_word(app_input_count);
    put_word(app_output_count);
    for (uint32_t i = 0; i < app_input_count; i++) {
        put_word(app_input_bytes[i]);
    }
    for (uint32_t i = 0; i < app_output_count; i++) {
        put_word(app_output_bytes[i]);
    }
    end();
}

static void give_output(uint16_t sequence) {
    begin(OUTPUT, stream.status, sequence);
    put_word(stream.ticks);
    put_word(0);
    for (uint32_t i = 0; stream.status == READY && i < app_output_count; i++) {
        put_bytes(app_outputs[i], app_output_bytes[i]);
        for (uint32_t at = app_output_bytes[i]; i + 1u < app_output_count && at % 8u != 0u; at++) {
            put(0);
        }
    }
    end();
}

/* A push that was asked for again is answered again, not pushed again. */
static void push(uint16_t sequence) {
    static const uint8_t *inputs[MAX_INPUTS];
    const int again = stream.in_step != 0u && stream.answered != 0u && (uint16_t)(sequence + 1u) == stream.expected;
    const uint8_t *from = app_request + HEADER_BYTES;

    if (stream.in_step != 0u && sequence == stream.expected) {
        for (uint32_t i = 0; i < app_input_count; i++) {
            inputs[i] = from;
            from += (app_input_bytes[i] + 7u) / 8u * 8u;
        }
        ticks_start();
        stream.status = app_push(inputs, app_outputs) != 0 ? READY : WARMUP;
        stream.ticks = ticks_since_start();
        stream.answered = 1;
        stream.expected++;
    } else if (!again) {
        stream.in_step = 0;
        stream.status = GAP;
        stream.ticks = 0;
    }
    give_output(sequence);
}

static void reset(uint16_t sequence) {
    app_init();
    stream.expected = (uint16_t)(sequence + 1u);
    stream.in_step = 1;
    stream.answered = 0;
    begin(RESET_DONE, 0, sequence);
    end();
}

static void refuse(uint8_t reason, uint16_t sequence) {
    begin(REFUSED, reason, sequence);
    end();
}

int main(void) {
    uint32_t count;

    if (app_input_count > MAX_INPUTS) {
        return 1;
    }
    while ((count = receive()) > 0u) {
        const uint8_t kind = app_request[0];
        const uint16_t sequence = (uint16_t)(app_request[2] | app_request[3] << 8);
        if (!is_intact(count)) {
            refuse(DAMAGED, 0);
        } else if (kind == PUSH && count == app_request_bytes) {
            push(sequence);
        } else if (kind == RESET && count == HEADER_BYTES + CHECKSUM_BYTES) {
            reset(sequence);
        } else if (kind == HELLO && count == HEADER_BYTES + CHECKSUM_BYTES) {
            say_hello(sequence);
        } else {
            refuse(UNKNOWN, sequence);
        }
    }
    return 0;
}
