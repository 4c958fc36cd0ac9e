"""Train the activity network on BasicMotions, quantise it to int8, write everything that this folder commits.

    pip install -e '.[train]' && python examples/activity/train.py

BasicMotions lies inside the aeon wheel; its files are read here directly, aeon itself is never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from evaluate import (
    ACTIVITIES,
    LABELS,
    MODEL,
    RECORDING,
    WINDOW_FRAMES,
    Array,
    run_reference,
    stream_accuracy,
    stream_windows,
)

SEED = 7
STEPS = 600
BATCH = 64
SHA256 = {
    "TRAIN": "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
    "TEST": "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
}


def read_split(split: str) -> tuple[Array, Array]:
    """One split as the archive has it: recordings [40, 100, 6] in raw sensor units, activity indices [40]."""
    package = importlib.util.find_spec("aeon")
    if package is None or package.origin is None:
        raise SystemExit("error: the data comes with the aeon wheel; pip install -e '.[train]'")
    file = Path(package.origin).parent / "datasets" / "data" / "BasicMotions" / f"BasicMotions_{split}.ts"
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[split]:
        raise SystemExit(f"error: {file.name} is not the file that this example was made from")
    cases = [line.split(":") for line in content.decode().splitlines() if line and line[0] not in "#@"]
    recordings = np.array([[channel.split(",") for channel in channels] for *channels, _ in cases], dtype=np.float32)
    return recordings.transpose(0, 2, 1), np.array([ACTIVITIES.index(activity) for *_, activity in cases])


def build_network() -> tf.keras.Model:
    """VALID convolutions only: every column depends on absolute time alone, so all of them shift."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input((WINDOW_FRAMES, 6)),
            layers.Conv1D(16, 5, activation="relu"),
            layers.SeparableConv1D(24, 9, activation="relu"),
            layers.SeparableConv1D(32, 9, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(0.3),
            layers.Dense(len(ACTIVITIES), activation="softmax"),
        ]
    )


def augmented_batch(recordings: Array, labels: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Random crops of the recordings, with a little gain, tilt of the watch, and noise."""
    chosen = random.integers(len(recordings), size=BATCH)
    starts = random.integers(recordings.shape[1] - WINDOW_FRAMES + 1, size=BATCH)
    crops = recordings[chosen[:, None], starts[:, None] + np.arange(WINDOW_FRAMES)]
    for crop in crops:
        rotation = small_rotation(random)
        crop[:, :3] = crop[:, :3] @ rotation
        crop[:, 3:] = crop[:, 3:] @ rotation
    crops *= random.uniform(0.8, 1.25, size=(BATCH, 1, 1)).astype(np.float32)
    crops += random.normal(scale=0.1, size=crops.shape).astype(np.float32)
    return crops, labels[chosen]


def small_rotation(random: np.random.Generator) -> Array:
    """A rotation by up to about 20 degrees around a random axis (Rodrigues' formula)."""
    axis = random.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    angle = random.uniform(-0.35, 0.35)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross).astype(np.float32)


def train(recordings: Array, labels: Array) -> tf.keras.Model:
    """Train on normalised crops, then fold the normalisation into the first layer: raw sensor units go in."""
    tf.keras.utils.set_random_seed(SEED)
    random = np.random.default_rng(SEED)
    network = build_network()
    schedule = tf.keras.optimizers.schedules.CosineDecay(3e-3, STEPS)
    network.compile(tf.keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    deviation = recordings.std(axis=(0, 1))
    for step in range(STEPS):
        crops, targets = augmented_batch(recordings, labels, random)
        loss = network.train_on_batch(crops / deviation, targets)
        if step % 100 == 0:
            print(f"step {step:5d}  loss {float(loss):.4f}")
    kernel, bias = network.layers[0].get_weights()
    network.layers[0].set_weights([kernel / deviation[None, :, None], bias])
    return network


def quantise_network(network: tf.keras.Model, recordings: Array) -> bytes:
    """Full-integer int8, inputs and outputs too, calibrated on an eighth of the training windows."""
    windows = every_window(recordings)[::8]
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([window[None]] for window in windows)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def every_window(recordings: Array) -> Array:
    """All windows within the recordings, [recordings * starts, WINDOW_FRAMES, 6]."""
    return np.concatenate([stream_windows(recording) for recording in recordings])


def as_stream(recordings: Array, labels: Array) -> tuple[Array, Array]:
    """The recordings one after the other, the activities taking turns, and a label for each frame."""
    turns = np.argsort([int(np.sum(labels[:i] == label)) for i, label in enumerate(labels)], kind="stable")
    frames = recordings[turns].reshape(-1, recordings.shape[2])
    return frames, np.repeat(labels[turns], recordings.shape[1]).astype(np.uint8)


def score(outputs: Array, labels: Array) -> str:
    correct = int(np.sum(outputs.argmax(axis=1) == labels))
    return f"{100 * correct / len(labels):.2f} % ({correct} of {len(labels)})"


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    recordings, labels = read_split("TRAIN")
    network = train(recordings, labels)
    network.summary()
    model = quantise_network(network, recordings)
    MODEL.write_bytes(model)

    recordings, labels = read_split("TEST")
    frames, frame_labels = as_stream(recordings, labels)
    np.save(RECORDING, frames)
    np.save(LABELS, frame_labels)
    report(network, model, recordings, labels)
    outputs = run_reference(model, stream_windows(frames))
    print("every hop of the test stream, int8:    ", stream_accuracy(outputs, frame_labels))


def report(network: Any, model: bytes, recordings: Array, labels: Array) -> None:
    """The figures of the model card."""
    middle = (recordings.shape[1] - WINDOW_FRAMES) // 2
    middles = recordings[:, middle : middle + WINDOW_FRAMES]
    windows = every_window(recordings)
    window_labels = np.repeat(labels, len(windows) // len(labels))
    print(f"{MODEL.name}: {len(model)} bytes, {network.count_params()} parameters")
    print("middle window of each recording, float:", score(network.predict(middles, verbose=0), labels))
    print("middle window of each recording, int8: ", score(run_reference(model, middles), labels))
    print("every window of each recording, float: ", score(network.predict(windows, verbose=0), window_labels))
    print("every window of each recording, int8:  ", score(run_reference(model, windows), window_labels))


if __name__ == "__main__":
    main()
