#!/bin/sh
# Print a Python >= 3.11 that makes virtual environments, once this machine has all that
# ForecastLab needs; else name what is missing and the command that installs it.
set -u

makes_venvs() { # A shim may be on the PATH and yet start nothing, so each candidate is run.
	"$1" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); import ensurepip, venv' 2>/dev/null
}

has_openmp() {
	if [ "$(uname -s)" = Darwin ]; then # the folders that lightgbm's library looks in
		for folder in /opt/homebrew/opt/libomp/lib /usr/local/opt/libomp/lib /opt/local/lib/libomp; do
			[ -e "$folder/libomp.dylib" ] && return 0
		done
		return 1
	fi
	"$1" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null
}

if [ "$(uname -s)" = Darwin ]; then # for what onnxruntime is built
	version=$(sw_vers -productVersion 2>/dev/null || echo 14)
	if [ "$(uname -m)" != arm64 ] || [ "${version%%.*}" -lt 14 ]; then
		echo "ForecastLab needs Linux, or macOS 14 on Apple silicon; this is macOS $version on $(uname -m)." >&2
		exit 1
	fi
fi

found=
for python in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
	if makes_venvs "$python"; then found=$python && break; fi
done

missing=
if [ "$(uname -s)" = Darwin ]; then
	[ -n "$found" ] || missing="python@3.13"
	has_openmp "$found" || missing="$missing libomp"
	install="brew install"
else
	[ -n "$found" ] || missing="python3 python3-venv"
	has_openmp "${found:-python3}" || missing="$missing libgomp1"
	install="apt-get install -y"
fi

if [ -n "$missing" ]; then
	[ -n "$found" ] || echo "ForecastLab needs Python 3.11 or newer, with its venv module." >&2
	echo "Install what is missing (on Debian as root), then try again:" >&2
	echo "    $install" $missing >&2
	exit 1
fi
echo "$found"
