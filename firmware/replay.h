/* The recording through the model, and what comes out as text:
 *
 *   <hop> <hexadecimal bytes of output 0> <of output 1> ...    one line for every hop that gave an output
 *   STACK <bytes>                                              the deepest that the stack has been
 *   END <lines of outputs> <FNV-1a of all output bytes>        nothing was lost on the way */
#ifndef EDGESHIFT_REPLAY_H
#define EDGESHIFT_REPLAY_H

/* Returns the status to exit with: 0, or 1 when the model has too many inputs. */
int replay(void);

#endif
