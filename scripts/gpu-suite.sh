#!/usr/bin/env bash
# Tests and times the GPU backends on a machine with an NVIDIA GPU that has no Rust:
#
#     scripts/gpu-suite.sh build DIR [EXAMPLE...]    on a machine of the same processor and Linux
#     scripts/gpu-suite.sh run DIR [LOG]             on the GPU machine, in a copy of this repository; needs python3
#
# `build` packs stripped programs into DIR, which is all that has to travel: 40 MB, and 10 more for each of the
# examples explain-digits and explain-clusters. `run` prints one line for each part and keeps the output of all in LOG
# (DIR/run.log). It ends after 480 seconds at most, which GPU_SUITE_SECONDS changes, and fails unless every part passed.
set -euo pipefail

root="$(cd "$(dirname "$0")/.." && pwd)"
suites=(wgpu cuda)
say() { echo "gpu-suite: $*" >&2; }
usage() {
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

build() { # folder, example...
    local folder="$1" programs example packages options=()
    shift
    programs=(backend-parity "$@")
    packages=("${programs[@]}" compare)
    for example in "${packages[@]}"; do
        options+=(--package "$example" --bin "$example" --features "$example/wgpu,$example/cuda")
    done
    # The work is done on the GPU, and optimising what launches it takes minutes. Only `compare` is there to be timed.
    for example in xai-cuda "${programs[@]}"; do
        options+=(--config "profile.release.package.$example.opt-level=0")
    done
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    cd "$root"
    # One command, so that Burn is built once.
    cargo build --release --package xai-wgpu --test wgpu --package xai-cuda --test cuda --features xai-cuda/gpu \
        "${options[@]}" --message-format=json-render-diagnostics > "$work/messages"
    mkdir -p "$folder" "$work/programs"
    executables "${suites[@]}" "${packages[@]}" < "$work/messages" > "$work/executables"
    while IFS=$'\t' read -r name path; do
        strip -o "$work/programs/$name" "$path"
    done < "$work/executables"
    # For a machine that has a driver for Vulkan and no loader.
    local loader
    loader="$(ldconfig -p | sed -n '/libvulkan\.so\.1 .*x86-64/s/.*=> //p' | head -n 1)"
    if [[ -n "$loader" ]]; then
        mkdir "$work/programs/lib"
        cp --dereference "$loader" "$work/programs/lib/libvulkan.so.1"
    fi
    # Into one archive: the programs share code, and some machines take only small folders.
    say "packing, which takes some minutes"
    tar -C "$work/programs" -c . | xz -9 > "$folder/programs.tar.xz"
    (cd "$work/programs" && find . -type f -printf '%P %s\n' | sort) > "$folder/manifest"
    say "wrote $(du -h "$folder/programs.tar.xz" | cut -f 1) to $folder: $(cut -d ' ' -f 1 "$folder/manifest" | xargs)"
}

# Of Cargo's messages, the names and paths of these executables; fails where one is missing.
executables() { # name...
    python3 -c '
import json, sys
built = {}
for line in sys.stdin:
    message = json.loads(line) if line.startswith("{") else {}
    if message.get("executable"):
        built[message["target"]["name"]] = message["executable"]
for name in sys.argv[1:]:
    if name not in built:
        sys.exit(f"gpu-suite: cargo named no executable {name}")
    print(name, built[name], sep="\t")
' "$@"
}

run() { # folder, log
    local folder log budget
    folder="$(cd "$1" && pwd)"
    log="$(realpath "${2:-$folder/run.log}")"
    budget="${GPU_SUITE_SECONDS:-480}"
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    : > "$log"
    python3 -m tarfile -e "$folder/programs.tar.xz" "$work"
    environment
    # Burn writes its timings of kernels to the nearest package, so not from the repository.
    cd "$work"
    failed=0
    printf '%-26s %-10s %8s\n' part result seconds
    part "GPU" 20 nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
    # The limits of the first four fit into the time: whatever is slow, these have a result.
    part "parity" 90 ./backend-parity --images 10
    part "cuda suite" 140 ./cuda
    part "wgpu suite: fused" 100 ./wgpu fused:: --skip unfused::
    part "comparison" 110 comparison
    part "wgpu suite: unfused" 100 ./wgpu unfused::
    part "wgpu suite: kernels" 100 ./wgpu kernels::
    for example in explain-digits explain-clusters; do
        if [[ -x "$example" ]]; then
            part "$example" 90 same_reports "$example"
        fi
    done
    say "$SECONDS s; all output is in $log"
    return "$failed"
}

# Where NVIDIA's libraries are, on machines that do not say so themselves.
environment() {
    local toolkit icd=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
    export CUBECL_AUTOTUNE_LEVEL="${CUBECL_AUTOTUNE_LEVEL:-minimal}"
    # Vulkan in software must not pass for the GPU.
    export CUBECL_WGPU_DEFAULT_DEVICE="${CUBECL_WGPU_DEFAULT_DEVICE:-DiscreteGpu(0)}"
    export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$work}"
    for toolkit in "${CUDA_PATH:-}" /usr/local/cuda /opt/cuda; do
        if [[ -n "$toolkit" && -d "$toolkit/lib64" ]]; then
            export CUDA_PATH="$toolkit"
            LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$toolkit/lib64"
            break
        fi
    done
    if ! ldconfig -p | grep -q 'libvulkan\.so\.1'; then
        LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$work/lib"
    fi
    export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}"
    if [[ -f "$icd" && -z "${VK_DRIVER_FILES:-}" ]]; then
        export VK_DRIVER_FILES="$icd"
    fi
}

part() { # name, limit in seconds, command...
    local name="$1" limit="$2" start=$SECONDS left=$((budget - SECONDS)) status=0 result=passed
    shift 2
    # What is left is still enough to learn something.
    if ((left < 15)); then
        printf '%-26s %-10s\n' "$name" "not run"
        failed=1
        return
    fi
    printf '\n== %s: %s\n' "$name" "$*" >> "$log"
    # A function needs a shell of its own, which `timeout` then ends with all that it started.
    export -f comparison same_reports
    export root work
    # shellcheck disable=SC2016
    timeout --kill-after=5 "$((limit < left - 10 ? limit : left - 10))" bash -euo pipefail -c '"$@"' part "$@" \
        > "$work/output" 2>&1 || status=$?
    cat "$work/output" >> "$log"
    case $status in
        0) ;;
        124 | 137) result="timed out" ;;
        *) result="failed" ;;
    esac
    printf '%-26s %-10s %8d\n' "$name" "$result" $((SECONDS - start))
    if ((status != 0)); then
        failed=1
        # What a suite was at, and which of its tests failed.
        grep -aE '^test .*FAILED$' "$work/output" | head -n 30 | sed 's/^/    /' || true
        tail -n 12 "$work/output" | cut -c 1-200 | sed 's/^/    /'
    else
        summary "$name"
    fi
}

# What a reader wants to know of a part that passed.
summary() { # name
    case "$1" in
        *suite*) grep -a '^test result' "$work/output" ;;
        parity) grep -a 'times flex' "$work/output" ;;
        *) tail -n 40 "$work/output" ;;
    esac | sed 's/^/    /' || true
}

# An example writes the same report on every backend.
same_reports() { # example
    local backend
    for backend in flex wgpu cuda; do
        "./$1" --backend "$backend" --out "$work/$1-$backend" > /dev/null
    done
    for backend in wgpu cuda; do
        "$root/.ci/compare-reports" "$work/$1-flex/report.json" "$work/$1-$backend/report.json"
    done
}

# Beside PyTorch where the packages are there, else this library alone.
comparison() {
    local needed="captum, safetensors, torch, torchvision, transformers, zennit"
    if python3 -c "import $needed" 2> /dev/null; then
        python3 "$root/benches/compare/compare.py" --program "$work/compare" --quick --backends wgpu cuda flex \
            --json "$work/compare.json"
        return
    fi
    echo "without PyTorch's side, which needs $needed"
    python3 - "$work" <<'PYTHON'
import array, contextlib, json, math, pathlib, random, statistics, struct, subprocess, sys

work = pathlib.Path(sys.argv[1])
METHODS = ["gradient", "epsilon-plus-flat", "epsilon-gamma-box"]
CALLS, LEAST_COSINE = 5, 0.999
random.seed(0)
# Repeated, because drawing a number for each weight would take longer than all the rest.
NOISE = array.array("f", (random.gauss(0, 1) for _ in range(99991)))


def noise(shape, scale):
    size = math.prod(shape)
    drawn = array.array("f", (scale * value for value in NOISE))
    return (drawn * (size // len(drawn) + 1))[:size]


def resnet50():
    """Names, shapes and values, with names and layouts of PyTorch, and of Burn for norms."""
    weights = {}

    def conv(name, out, channels, kernel):
        shape = (out, channels, kernel, kernel)
        weights[f"{name}.weight"] = shape, noise(shape, math.sqrt(2 / (channels * kernel**2)))

    def norm(name, channels, gamma=1.0):
        for of, value in [("gamma", gamma), ("beta", 0.1), ("running_mean", 0.0), ("running_var", 1.0)]:
            weights[f"{name}.{of}"] = (channels,), array.array("f", [value]) * channels

    conv("conv1", 64, 3, 7)
    norm("bn1", 64)
    channels = 64
    for layer, (blocks, narrow) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], 1):
        for block in range(blocks):
            at, wide = f"layer{layer}.{block}", 4 * narrow
            conv(f"{at}.conv1", narrow, channels, 1)
            conv(f"{at}.conv2", narrow, narrow, 3)
            conv(f"{at}.conv3", wide, narrow, 1)
            norm(f"{at}.bn1", narrow)
            norm(f"{at}.bn2", narrow)
            # Small, so that sums do not grow from block to block.
            norm(f"{at}.bn3", wide, 0.3)
            if block == 0:
                conv(f"{at}.downsample.conv", wide, channels, 1)
                norm(f"{at}.downsample.bn", wide)
            channels = wide
    weights["fc.weight"] = (1000, channels), noise((1000, channels), math.sqrt(1 / channels))
    weights["fc.bias"] = (1000,), noise((1000,), 0.1)
    return weights


def save(tensors, path):
    header, at = {}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * len(values)]}
        at += 4 * len(values)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            values.tofile(file)


def load(path):
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    return array.array("f", data[start:])


def cosine(a, b):
    return math.sumprod(a, b) / math.sqrt(math.sumprod(a, a) * math.sumprod(b, b))


class Worker:
    def __init__(self, backend):
        pipe = subprocess.PIPE
        command = [work / "compare", "--backend", backend]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.out = work / f"{backend}.safetensors"

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"stopped at {request}; its error is above")
        return json.loads(line)["seconds"]


if not hasattr(math, "sumprod"):
    math.sumprod = lambda a, b: sum(x * y for x, y in zip(a, b))
save(resnet50(), work / "weights.safetensors")
wrong, relevance = [], {}
print("| network, batch | method | backend | first s | s | cosine with flex |\n| --- | --- | --- | --- | --- | --- |")
for batch in [1, 8]:
    shape = (batch, 3, 224, 224)
    image = array.array("f", (max(-3.0, min(3.0, value)) for value in noise(shape, 1.0)))
    save({"x": (shape, image)}, work / "input.safetensors")
    for backend in ["flex", "wgpu", "cuda"]:
        try:
            worker = Worker(backend)
            worker.ask({"load": {"network": "resnet50", "folder": str(work)}})
            for method in METHODS:
                first = worker.ask({"first": {"method": method, "out": str(worker.out)}})
                calls = 1 if backend == "flex" else CALLS
                again = statistics.median(worker.ask({"again": {"method": method}}) for _ in range(calls))
                values = load(worker.out)
                flex = relevance.setdefault((batch, method), values)
                alike = cosine(flex, values)
                if not alike >= LEAST_COSINE:
                    wrong.append(f"{method} at batch {batch} on {backend}: cosine {alike}")
                row = ["resnet50, " + str(batch), method, backend, f"{first:.3f}", f"{again:.4f}", f"{alike:.7f}"]
                print("| " + " | ".join(row) + " |", flush=True)
        except (RuntimeError, BrokenPipeError) as error:
            wrong.append(f"batch {batch} on {backend}: {error}")
        finally:
            with contextlib.suppress(BrokenPipeError):
                worker.process.stdin.close()
            worker.process.wait()
if wrong:
    sys.exit("\n".join(wrong))
PYTHON
}

case "${1:-}" in
    build)
        (($# >= 2)) || usage
        folder="$(realpath "$2")"
        build "$folder" "${@:3}"
        ;;
    run)
        (($# == 2 || $# == 3)) || usage
        run "${@:2}"
        ;;
    *) usage ;;
esac
