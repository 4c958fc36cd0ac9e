"""Keras -> TensorFlow Lite, by TensorFlow's own converter, with a batch of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeshift.convert.framework import check_windows, converting, library


def to_tflite(path: Path, windows: Sequence[np.ndarray]) -> bytes:
    """The bytes of a `.tflite` file: int8 with int8 inputs and outputs when there are windows, else float32."""
    with converting("TensorFlow's conversion"):
        tf = library("tensorflow", "tensorflow")
        model = tf.keras.models.load_model(path, compile=False)
        for layer in model._flatten_layers():
            if hasattr(layer, "unroll"):
                layer.unroll = True  # a loop over time is one operator of control flow, which hides what is in it
        shapes = [tuple(tensor.shape)[1:] for tensor in model.inputs]
        if windows:
            check_windows(windows, shapes)
            shapes = [w.shape[1:] for w in windows]
        inputs = [tf.keras.Input(batch_shape=(1, *s), name=f"input_{i}") for i, s in enumerate(shapes)]
        single = tf.keras.Model(inputs, model(inputs[0] if len(inputs) == 1 else inputs))
        converter = tf.lite.TFLiteConverter.from_keras_model(single)
        if windows:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: _one_by_one(windows)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        made: Any = converter.convert()
        return bytes(made)


def _one_by_one(windows: Sequence[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    for number in range(len(windows[0])):
        yield {f"input_{i}": w[number : number + 1] for i, w in enumerate(windows)}
