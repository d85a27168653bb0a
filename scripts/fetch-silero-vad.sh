#!/usr/bin/env bash
# Fetches the voice activity detector Silero VAD and prints the path of its folder:
#
#     cargo run --release -p explain-speech -- --network "$(scripts/fetch-silero-vad.sh)"
#
# The example and examples/explain-speech/tests find the folder in the cache by themselves. It has the weights
# for 16 kHz and the licence, as the Silero Team published them (MIT) in the PyPI package silero-vad 6.2.3 (11 MB,
# of which 1.2 MB are kept), which needs python3 with pip. The script does nothing but print when the folder is
# already there.
set -euo pipefail

name=silero-vad-6.2.3
cache="${XDG_CACHE_HOME:-$HOME/.cache}/burn-xai"
folder="$cache/$name"

say() { echo "fetch-silero-vad: $*" >&2; }

if [[ ! -d "$folder" ]]; then
    mkdir -p "$cache"
    # In the cache itself, so that the last step is one rename: an interrupted run leaves no half of a
    # folder behind, and of two runs at once one wins.
    work="$(mktemp -d "$cache/$name.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    cat > "$work/requirements.txt" <<-'REQUIREMENTS'
	silero-vad==6.2.3 --hash=sha256:7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8
	REQUIREMENTS
    say "downloading 11 MB into $work"
    python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps \
        --only-binary=:all: --require-hashes --requirement "$work/requirements.txt" --dest "$work" >&2
    python3 - "$work" "$name" <<-'PYTHON'
	import hashlib, pathlib, sys, zipfile

	files = {
	    "silero_vad/data/silero_vad_16k.safetensors": "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1",
	    "silero_vad-6.2.3.dist-info/licenses/LICENSE": "2e63e9a38b6e8fc0c7bc37ce174caca1862870856c6daf5697cfb785e925520b",
	}
	work, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1], sys.argv[2])
	[wheel] = work.glob("*.whl")
	archive = zipfile.ZipFile(wheel)
	folder.mkdir()
	for name, sha256 in files.items():
	    content = archive.read(name)
	    if hashlib.sha256(content).hexdigest() != sha256:
	        sys.exit(f"{name} of {wheel.name} is not the file that was expected")
	    (folder / pathlib.Path(name).name).write_bytes(content)
	PYTHON
    # Not into a folder that another run has put there meanwhile.
    mv --no-target-directory "$work/$name" "$folder" 2>/dev/null || [[ -d "$folder" ]]
    say "wrote $folder"
fi
echo "$folder"
