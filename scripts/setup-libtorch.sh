#!/usr/bin/env bash
# Installs the CPU part of LibTorch 2.9.0, the version that burn-tch 0.21 is built for, and prints
# the environment that a build and a run of xai-tch need:
#
#     eval "$(scripts/setup-libtorch.sh)"
#     cargo test --release -p xai-tch
#
# Needs Linux on x86_64, python3 with pip, about 1.5 GB of disk while it runs and 0.5 GB afterwards.
# It does nothing but print when the folder is already there. For CUDA, macOS or Windows, set LIBTORCH
# (and LD_LIBRARY_PATH) to a LibTorch 2.9.0 of your own instead.
set -euo pipefail

# `eval "$(...)"` drops the exit status of the substitution; printing `false` makes the eval fail too.
trap 'echo false' ERR

say() { echo "setup-libtorch: $*" >&2; }

version=2.9.0
root="${XDG_CACHE_HOME:-$HOME/.cache}/burn-xai/libtorch"

if [[ "$(cat "$root/torch/build-version" 2>/dev/null)" != "$version" ]]; then
    if [[ "$(uname -sm)" != "Linux x86_64" ]]; then
        say "only Linux on x86_64 is supported; set LIBTORCH to a LibTorch $version of your own"
        false
    fi
    mkdir -p "$(dirname "$root")"
    # Beside the final place, so that the last step is one rename: an interrupted run leaves no half
    # of a LibTorch behind, and of two runs at once one wins.
    work="$(mktemp -d "$root.XXXXXX")"
    trap 'rm -rf "$work"' EXIT

    # The only x86_64 wheel on the package index is the CUDA one. Its libtorch_cpu.so needs these two
    # small CUDA libraries to load, and nothing else of CUDA. A fixed Python version makes the wheel,
    # hence its hash, the same whatever the host's Python is: nothing of it is ever imported.
    cat > "$work/requirements.txt" <<-'REQUIREMENTS'
	torch==2.9.0 --hash=sha256:51de31219c97c51cf4bf2be94d622e3deb5dcc526c6dc00e97c17eaec0fc1d67
	nvidia-cuda-runtime-cu12==12.8.90 --hash=sha256:adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90
	nvidia-cuda-cupti-cu12==12.8.90 --hash=sha256:ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182
	REQUIREMENTS
    say "downloading about 910 MB into $work"
    python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps \
        --only-binary=:all: --python-version 3.11 \
        --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 \
        --require-hashes --requirement "$work/requirements.txt" --dest "$work/wheels" >&2

    say "unpacking"
    python3 - "$work/wheels" "$work/unpacked" <<-'PYTHON'
	import pathlib, sys, zipfile

	wheels, target = map(pathlib.Path, sys.argv[1:])
	# The folders stay as they lie in site-packages, because libtorch_cpu.so finds the CUDA
	# libraries by a path relative to its own.
	wanted = (
	    "torch/include/",
	    "torch/lib/libc10.so",
	    "torch/lib/libgomp.so.1",
	    "torch/lib/libtorch_cpu.so",
	    "nvidia/cuda_runtime/lib/libcudart.so.12",
	    "nvidia/cuda_cupti/lib/libcupti.so.12",
	)
	for wheel in sorted(wheels.glob("*.whl")):
	    with zipfile.ZipFile(wheel) as archive:
	        archive.extractall(target, [name for name in archive.namelist() if name.startswith(wanted)])
	PYTHON
    # The wheel's libtorch.so is an empty library that pulls in libtorch_cuda.so (1 GB, and 3 GB of
    # CUDA libraries behind it). Without CUDA, `-ltorch` is the same as `-ltorch_cpu`.
    ln -s libtorch_cpu.so "$work/unpacked/torch/lib/libtorch.so"
    # torch-sys compares this file with the version it wants; here it also marks a complete install.
    echo "$version" > "$work/unpacked/torch/build-version"

    rm -rf "$root"
    if ! mv -T "$work/unpacked" "$root" 2>/dev/null; then
        [[ "$(cat "$root/torch/build-version")" == "$version" ]]
    fi
    say "installed LibTorch $version in $root"
fi

cat <<EOF
export LIBTORCH='$root/torch'
export LD_LIBRARY_PATH='$root/torch/lib'\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
EOF
