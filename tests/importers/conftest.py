"""Without the packages of the extra `onnx` its tests are left out."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("onnx") and find_spec("onnxruntime") else ["test_onnx*.py"]
