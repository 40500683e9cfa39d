#!/usr/bin/env sh
# Ask for known vulnerabilities of what the locks pin: requirements/audit.sh PYTHON [LOCK …]
#
# Exit 0: none is known. 1: there are some, listed above. 3: nobody could be asked, and nothing is
# known of what was not asked.
set -u
cd "$(dirname "$0")/.." || exit 70
python=$1
shift
[ $# -gt 0 ] || set -- requirements/*.lock webapp/requirements-web.txt
said=$(mktemp) || exit 70
trap 'rm -f "$said"' EXIT
code=0
for lock; do
	echo "$lock"
	# The hashed locks are whole: nothing is resolved, downloaded or installed. Strict: a package that
	# the service does not know must not pass for one without faults.
	if "$python" -m pip_audit --strict --progress-spinner off --disable-pip --require-hashes \
		--requirement "$lock" >"$said" 2>&1; then
		tail -n 1 "$said"
	elif grep -q '^Name .*Fix Versions' "$said"; then
		cat "$said"
		[ "$code" -eq 3 ] || code=1
	else
		tail -n 1 "$said"
		echo "Not audited: the service cannot be asked from here. Run it where pypi.org is reached." >&2
		code=3
		break
	fi
done
exit "$code"
