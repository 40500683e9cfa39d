#!/usr/bin/env bash
# Build both images and run them as Cloud Run would: no root, read-only, the job without a network.
#
#   deploy/check_images.sh                           docker if its engine answers, else buildah + podman
#   BASE_IMAGE=registry/python:3.11 deploy/check_images.sh   another base
#   BASE_IMAGE=debian deploy/check_images.sh         Debian's own Python as base, where no registry is
#                                                    in reach (needs root; then apt-get install
#                                                    buildah podman runc mmdebstrap)
#   RUNTIME=gpu deploy/check_images.sh               the CUDA build of the job (default: cpu)
set -euo pipefail
cd "$(dirname "$0")/.."

BASE_IMAGE=${BASE_IMAGE:-python:3.11-slim}
RUNTIME=${RUNTIME:-cpu}
WORK=${FORECASTLAB_IMAGES:-/var/tmp/forecastlab-images} # layers are kept there between runs
JOB=localhost/forecastlab-job:$RUNTIME
WEB=localhost/forecastlab-web:check
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt

say() { printf '%s\n' "$*" >&2; }
fail() {
	say "check_images: $*"
	exit 1
}

if docker info >/dev/null 2>&1; then
	ENGINE=docker
elif command -v buildah >/dev/null && command -v podman >/dev/null; then
	ENGINE=podman
else
	fail "neither a Docker engine nor buildah and podman. On Debian:" \
		"apt-get install --no-install-recommends buildah podman runc mmdebstrap"
fi

# An own store: the images of this machine's user stay as they are.
STORE=(--root "$WORK/store" --runroot "$WORK/run" --storage-driver "${STORAGE_DRIVER:-overlay}")

build() { # FILE TAG [BUILD ARGUMENTS]
	local file=$1 tag=$2
	shift 2
	if [ "$ENGINE" = docker ]; then
		docker build --file "$file" --tag "$tag" "$@" .
		return
	fi
	# Without a network bridge and with an older runc, chroot on the host's network builds everywhere.
	local certificates=()
	[ ! -e "$CERTIFICATES" ] || certificates=(--volume "$CERTIFICATES:$CERTIFICATES:ro")
	buildah "${STORE[@]}" bud --isolation chroot --network host --layers "${certificates[@]}" \
		--file "$file" --tag "$tag" "$@" .
}

engine() { # a command of the engine that runs the images
	if [ "$ENGINE" = docker ]; then docker "$@"; else
		podman "${STORE[@]}" --cgroup-manager cgroupfs --runtime "$(command -v runc)" "$@"
	fi
}

run() { # [OPTIONS] IMAGE [COMMAND]
	local limits=()
	# podman's default limits may lie above what this machine grants.
	[ "$ENGINE" = docker ] || limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
	engine run --network none --read-only --tmpfs /tmp "${limits[@]}" "$@"
}

absent() { # IMAGE MODULE...
	local image=$1
	shift
	run --rm "$image" python -c '
import sys
from importlib.util import find_spec
found = [name for name in sys.argv[1:] if find_spec(name)]
sys.exit(f"the image holds {found}" if found else 0)' "$@"
}

label() { # IMAGE LABEL
	engine inspect --format "{{index .Config.Labels \"$2\"}}" "$1"
}

debian_base() { # Debian's Python as a base image, from the mirror that this machine installs from
	local mirror
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 1p)
	mkdir -p "$WORK/base"
	[ -e "$WORK/base/root.tar" ] || mmdebstrap --quiet --variant=minbase \
		--include=python3,python3-pip,python3-venv,python-is-python3,ca-certificates \
		bookworm "$WORK/base/root.tar" "$mirror"
	printf 'FROM scratch\nADD root.tar /\n' >"$WORK/base/Dockerfile"
	(cd "$WORK/base" && build Dockerfile localhost/forecastlab-base:debian >/dev/null)
}

if [ "$BASE_IMAGE" = debian ]; then
	[ "$ENGINE" = podman ] || fail "BASE_IMAGE=debian is for machines without a Docker engine."
	debian_base
	BASE_IMAGE=localhost/forecastlab-base:debian
fi

commit=$(git describe --always --abbrev=40 --dirty --exclude='*' 2>/dev/null || echo unknown)
bundles=$(cd models/production && printf '%s\n' */meta.json | sed 's|/meta.json||' | paste -sd, -)
about=(--build-arg "BASE_IMAGE=$BASE_IMAGE" --build-arg "GIT_COMMIT=$commit"
	--build-arg "BUNDLES=$bundles")

say "Building with $ENGINE on $BASE_IMAGE: the job ($RUNTIME) and the web page"
mkdir -p "$WORK"
build Dockerfile.job "$JOB" --build-arg "RUNTIME=$RUNTIME" "${about[@]}" >"$WORK/job.log" 2>&1 ||
	{ tail -20 "$WORK/job.log" >&2 && fail "the job's image does not build"; }
build Dockerfile.web "$WEB" "${about[@]}" >"$WORK/web.log" 2>&1 ||
	{ tail -20 "$WORK/web.log" >&2 && fail "the web image does not build"; }

outputs=$(mktemp -d)
page=
trap '[ -z "$page" ] || engine rm --force "$page" >/dev/null; rm -rf "$outputs"' EXIT
chmod 777 "$outputs" # the container's user is another one

say "The job: default command, no network, read-only, simulated market"
run --rm --volume "$outputs:/store" --env FORECASTLAB_STORE=/store \
	--env FORECASTLAB_SOURCE=simulated --env FORECASTLAB_SIMULATED_NOW=2025-10-02T00:05:00Z "$JOB"
[ -s "$outputs/predictions/daily/2025-10-01.json" ] || fail "the job published no record"
[ "$(run --rm "$JOB" id -u)" != 0 ] || fail "the job runs as root"
[ "$(label "$JOB" org.opencontainers.image.revision)" = "$commit" ] || fail "no commit on the job"
[ "$(run --rm "$JOB" printenv FORECASTLAB_COMMIT)" = "$commit" ] || fail "the job does not know its commit"
[ "$(label "$JOB" forecastlab.bundles)" = "$bundles" ] || fail "no bundle names on the job"
[ "$RUNTIME" = gpu ] || absent "$JOB" torch onnx onnxscript sklearn streamlit

say "The web page: its health, and its first page on that store, without a network"
absent "$WEB" lightgbm xgboost onnxruntime torch sklearn onnx
[ "$(run --rm "$WEB" id -u)" != 0 ] || fail "the web page runs as root"
page=$(run --detach --volume "$outputs:/store:ro" --env FORECASTLAB_STORE=/store "$WEB")
engine exec "$page" python -c '
import time, urllib.error, urllib.request
for _ in range(120):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:8080/_stcore/health", timeout=5).read())
        break
    except OSError:
        time.sleep(0.5)
else:
    raise SystemExit("no answer at /_stcore/health")' || {
	engine logs "$page" >&2
	fail "the web page is not healthy"
}
# Health does not run the page; this does, as a first visitor would, from the image's own machine:
# anyone else is turned away until a setting says who may come in.
engine exec "$page" python -W ignore -c '
from streamlit import config
from streamlit.testing.v1 import AppTest
config.set_option("server.address", "127.0.0.1")
page = AppTest.from_file("/app/webapp/app.py", default_timeout=60).run()
problems = [one.message for one in page.exception]
if problems:
    raise SystemExit(f"the page fails: {problems}")
if "2025-10-01" not in str(page.main):
    raise SystemExit(f"the page does not show the record: {page.main}")' 2>"$WORK/page.log" || {
	cat "$WORK/page.log" >&2
	fail "the web page does not show the record"
}

engine images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep forecastlab- >&2
say "Both images build and run."
