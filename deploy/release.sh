#!/usr/bin/env bash
# Put images into force: a trial first, then the jobs and the service.
#
#   deploy/release.sh PROJECT REGION BUCKET --tag TAG [--runtime gpu|cpu] [--dry-run]
#
# The trial is the daily job under another name. It runs the whole morning with --dry-run, which
# writes nothing; where it fails, the jobs that stand are not touched.
set -euo pipefail
PROGRAM=release.sh
OPTIONS="--tag TAG [--runtime gpu|cpu] [--dry-run]"
# shellcheck source=deploy/steps.sh
. "$(dirname "$0")/steps.sh"
read_arguments "$@"
[[ $TAG =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]*$ ]] || usage
RENDERED=$(mktemp -d)
[ -n "$DRY_RUN" ] || trap 'rm -rf "$RENDERED"' EXIT

pinned() { # the bundle that `forecastlab cloud pin` chose, if any
	local there
	[ -z "$DRY_RUN" ] || return 0
	# A listing tells "there is none yet" from "it cannot be seen", which must not pass for unpinned.
	there=$(ask run jobs list --region "$REGION" --filter metadata.name=forecastlab-daily \
		--format "value(metadata.name)") || return
	[ -n "$there" ] || return 0
	ask run jobs describe forecastlab-daily --region "$REGION" --format json |
		tr -d ' \n' | sed -n 's/.*"name":"PRODUCTION_DIR","value":"\([^"]*\)".*/\1/p'
}

job_file() { # FILE: rendered, less the secrets that do not exist
	local target secret version
	target=$(render "run/$1.yaml")
	while read -r secret version; do
		if ! seen secrets versions describe "$version" --secret "$secret" && [ -z "$DRY_RUN" ]; then
			say "There is no version $version of $secret: what needs it stays off (docs/cloud.md)."
			sed -i.bak "/secretKeyRef: {name: $secret,/d" "$target"
		fi
	done < <(sed -n 's/.*secretKeyRef: {name: \([^,]*\), key: "\(.*\)"}}}.*/\1 \2/p' "$target")
	printf '%s' "$target"
}

replace() { run run jobs replace "$1" --region "$REGION"; }

pin=$(pinned)
[ -z "$pin" ] || fail 2 "forecastlab-daily is pinned to $pin, and a release would lift that in silence." \
	"Run \`forecastlab cloud unpin\` first, release, and pin again if you must."

daily=$(job_file "daily-$RUNTIME")
sed 's/forecastlab-daily/forecastlab-trial/' "$daily" >"$RENDERED/run/trial.yaml"
replace "$RENDERED/run/trial.yaml"
run run jobs execute forecastlab-trial --region "$REGION" --args=--dry-run --wait

replace "$daily"
replace "$(job_file hourly)"
replace "$(job_file doctor)"
run run services replace "$(render run/web.yaml)" --region "$REGION"
if [ "$RUNTIME" = gpu ]; then
	replace "$(job_file retrain)"
else # the daily forecast must not wait for a quota that only training needs
	(replace "$(job_file retrain)") ||
		say "forecastlab-retrain does not stand: it needs the GPU quota of $REGION. All else does."
fi
[ -z "$DRY_RUN" ] || say "The YAML as it would be applied lies in $RENDERED"
