# shellcheck shell=bash
# What setup.sh and release.sh share: arguments, commands that run or are only printed, and the YAML
# with its names filled in. The YAML is the one source; no value of it is repeated here.

exec 3>&1 # where a dry run prints, inside substitutions too
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ACCELERATED="asia-southeast1 europe-west1 europe-west4 us-central1 us-east4" # regions with L4 on demand

say() { printf '%s\n' "$*" >&2; }
fail() { # EXIT CODE, MESSAGE
	local code=$1
	shift
	say "$PROGRAM: $*"
	exit "$code"
}
usage() { fail 2 "usage: $PROGRAM PROJECT REGION BUCKET $OPTIONS"; }

read_arguments() { # sets PROJECT REGION BUCKET RUNTIME TAG EMAIL DRY_RUN
	local words=()
	RUNTIME=gpu TAG="" EMAIL="" DRY_RUN=""
	while [ $# -gt 0 ]; do
		case $1 in
		--runtime | --tag | --email) [ $# -ge 2 ] || usage ;;&
		--runtime) RUNTIME=$2 && shift ;;
		--tag) TAG=$2 && shift ;;
		--email) EMAIL=$2 && shift ;;
		--dry-run) DRY_RUN=yes ;;
		-*) usage ;;
		*) words+=("$1") ;;
		esac
		shift
	done
	[ ${#words[@]} -eq 3 ] || usage
	PROJECT=${words[0]} REGION=${words[1]} BUCKET=${words[2]#gs://}
	[[ $RUNTIME =~ ^(gpu|cpu)$ ]] || fail 2 "--runtime is gpu or cpu, not '$RUNTIME'."
	[[ $PROJECT =~ ^[a-z][a-z0-9:.-]+$ ]] || fail 2 "'$PROJECT' is no project id."
	[[ $REGION =~ ^[a-z]+-[a-z]+[0-9]+$ ]] || fail 2 "'$REGION' is no region, as asia-southeast1 is one."
	[[ $BUCKET =~ ^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$ ]] || fail 2 "'$BUCKET' is no bucket's name."
	if [ "$RUNTIME" = gpu ] && [[ " $ACCELERATED " != *" $REGION "* ]]; then
		fail 2 "Cloud Run has no L4 in $REGION. Choose one of: $ACCELERATED; or --runtime cpu."
	fi
	[[ $REGION != us-* ]] || say "Note: Binance refuses many US addresses (HTTP 451); see docs/cloud.md."
	[ -n "$DRY_RUN" ] || command -v gcloud >/dev/null ||
		fail 2 "gcloud is not installed. Use Cloud Shell, or install the Google Cloud CLI."
	REPOSITORY=$REGION-docker.pkg.dev/$PROJECT/forecastlab
}

shown() { printf '%q ' "$@" | sed 's/ $//'; }

gcloud_() { gcloud --quiet --project "$PROJECT" "$@" </dev/null; }

run() { # a gcloud command that changes something
	if [ -n "$DRY_RUN" ]; then
		printf '%s\n' "$(shown gcloud --quiet --project "$PROJECT" "$@")" >&3
		return
	fi
	say "+ gcloud $(shown "$@")"
	gcloud_ "$@" >&2 || fail 3 "this command failed: gcloud $(shown "$@")." \
		"All that stood before it still stands. Mend the cause that gcloud states above (docs/cloud.md" \
		"lists the usual ones), then run $PROGRAM again: it repeats nothing that is done."
}

ask() { # a gcloud command whose answer is needed
	gcloud_ "$@" || fail 3 "this command failed: gcloud $(shown "$@")." \
		"Nothing was changed by it. Mend the cause that gcloud states above, then run $PROGRAM again."
}

seen() { # a gcloud command that only looks; false where nothing is there
	if [ -n "$DRY_RUN" ]; then
		printf '# looks: %s\n' "$(shown gcloud --quiet --project "$PROJECT" "$@")" >&3
		return 1
	fi
	gcloud_ "$@" >/dev/null 2>&1
}

render() { # fills the names in and prints the path of the result
	local target=$RENDERED/$1
	mkdir -p "$(dirname "$target")"
	sed -e "s|\${PROJECT}|$PROJECT|g" -e "s|\${REGION}|$REGION|g" -e "s|\${BUCKET}|$BUCKET|g" \
		-e "s|\${CPU_IMAGE}|$REPOSITORY/job:$TAG-cpu|g" \
		-e "s|\${GPU_IMAGE}|$REPOSITORY/job:$TAG-gpu|g" \
		-e "s|\${WEB_IMAGE}|$REPOSITORY/web:$TAG|g" "$HERE/$1" >"$target"
	printf '%s' "$target"
}

field() { # FILE KEY: the value of a key that stands once in a file
	sed -n "s/^ *$2: *//p" "$1" | sed -e 's/ *#.*//' -e 's/^"\(.*\)"$/\1/'
}

rows() { # FILE SECTION: the `{key: value, …}` lines of a section
	sed -n "/^$2:/,/^[a-z_]*:\$/p" "$1" | sed -n 's/^ *- {\(.*\)}$/\1/p'
}

entry() { # ROW KEY
	printf '%s' "$1" | sed -n "s/^\(.*, \)\{0,1\}$2: \([^,]*\).*/\2/p"
}

account() { printf '%s@%s.iam.gserviceaccount.com' "$1" "$PROJECT"; }
