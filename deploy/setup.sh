#!/usr/bin/env bash
# From an empty project to a deployment that publishes every morning. Run it again at any time: it
# repeats nothing that is done, and brings what differs in line with the YAML beside it.
#
#   deploy/setup.sh PROJECT REGION BUCKET [--runtime gpu|cpu] [--email ADDRESS] [--dry-run]
#
#   --runtime   gpu (default): the daily job on an L4; cpu: the cheap variant, the same records
#   --email     gets the alerts and may see the dashboard
#   --dry-run   print every command and run none; needs no gcloud
set -euo pipefail
PROGRAM=setup.sh
OPTIONS="[--runtime gpu|cpu] [--email ADDRESS] [--dry-run]"
# shellcheck source=deploy/steps.sh
. "$(dirname "$0")/steps.sh"
read_arguments "$@"
[ -z "$TAG" ] || usage
TAG=$(git -C "$HERE" describe --always --abbrev=12 --dirty --exclude='*' 2>/dev/null || echo manual)
RENDERED=$(mktemp -d)
[ -n "$DRY_RUN" ] || trap 'rm -rf "$RENDERED"' EXIT

part() { [ -z "$DRY_RUN" ] || printf '\n# %s\n' "$*" >&3; }

grant() { # ROW of identities.yaml
	local member role resource condition=()
	member=serviceAccount:$(account "$(entry "$1" account)")
	role=$(entry "$1" role)
	resource=$(entry "$1" resource)
	local binding=(--member "$member" --role "$role")
	case $resource in
	bucket)
		if [ -n "$(entry "$1" condition)" ]; then
			condition=(--condition-from-file "$(render "conditions/$(entry "$1" condition).yaml")")
		else
			condition=(--condition None)
		fi
		run storage buckets add-iam-policy-binding "gs://$BUCKET" "${binding[@]}" "${condition[@]}"
		;;
	repository)
		run artifacts repositories add-iam-policy-binding forecastlab --location "$REGION" "${binding[@]}"
		;;
	project) run projects add-iam-policy-binding "$PROJECT" "${binding[@]}" --condition None ;;
	account\ *)
		run iam service-accounts add-iam-policy-binding "$(account "${resource#account }")" "${binding[@]}"
		;;
	job\ *)
		if ! seen run jobs describe "${resource#job }" --region "$REGION" && [ -z "$DRY_RUN" ]; then
			say "${resource#job } does not stand, so nobody may start it."
			return
		fi
		run run jobs add-iam-policy-binding "${resource#job }" --region "$REGION" "${binding[@]}"
		;;
	*) fail 70 "identities.yaml names the resource '$resource', which setup.sh does not know." ;;
	esac
}

grants() { # SECTION
	local row
	while read -r row; do grant "$row"; done < <(rows "$HERE/identities.yaml" "$1")
}

schedule() { # NAME
	local file name flags
	file=$(render "scheduler/$1.yaml")
	name=$(basename "$(field "$file" name)")
	flags=(--location "$REGION" --schedule "$(field "$file" schedule)"
		--time-zone "$(field "$file" timeZone)" --description "$(field "$file" description)"
		--attempt-deadline "$(field "$file" attemptDeadline)"
		--max-retry-attempts "$(field "$file" retryCount)"
		--min-backoff "$(field "$file" minBackoffDuration)"
		--uri "$(field "$file" uri)" --http-method "$(field "$file" httpMethod)"
		--oauth-service-account-email "$(field "$file" serviceAccountEmail)"
		--oauth-token-scope "$(field "$file" scope)")
	if seen scheduler jobs describe "$name" --location "$REGION"; then
		run scheduler jobs update http "$name" "${flags[@]}"
		return
	fi
	[ -z "$DRY_RUN" ] || printf '# where it is there: scheduler jobs update http, the same flags; else\n' >&3
	run scheduler jobs create http "$name" "${flags[@]}"
	# Only at its creation: who has resumed it since wants it to run.
	[ "$(field "$file" state)" != PAUSED ] || run scheduler jobs pause "$name" --location "$REGION"
}

found() { # the first line that a listing prints; nothing in a dry run
	if [ -n "$DRY_RUN" ]; then
		seen "$@" || return 0
	fi
	ask "$@" | sed -n 1p
}

alert() { # NAME
	local file title policy channel=()
	file=$(render "alerts/$1.yaml")
	title=$(field "$file" displayName)
	[ -z "$CHANNEL" ] || channel=(--notification-channels "$CHANNEL")
	policy=$(found monitoring policies list --filter "displayName=\"$title\"" --format "value(name)")
	if [ -n "$policy" ]; then
		[ -z "$CHANNEL" ] || channel=(--set-notification-channels "$CHANNEL")
		run monitoring policies update "$policy" --policy-from-file "$file" "${channel[@]}"
	else
		[ -z "$DRY_RUN" ] || printf '# where it is there: monitoring policies update; else\n' >&3
		run monitoring policies create --policy-from-file "$file" "${channel[@]}"
	fi
}

part "The interfaces that the deployment uses"
run services enable artifactregistry.googleapis.com cloudbuild.googleapis.com \
	cloudscheduler.googleapis.com iam.googleapis.com iap.googleapis.com logging.googleapis.com \
	monitoring.googleapis.com run.googleapis.com secretmanager.googleapis.com storage.googleapis.com

part "The bucket"
bucket=$(render bucket.yaml)
seen storage buckets describe "gs://$BUCKET" ||
	run storage buckets create "gs://$BUCKET" --location "$(field "$bucket" location)" \
		--default-storage-class "$(field "$bucket" storageClass)" \
		--uniform-bucket-level-access --public-access-prevention
run storage buckets update "gs://$BUCKET" --versioning --uniform-bucket-level-access \
	--public-access-prevention --lifecycle-file "$(render lifecycle.yaml)" \
	--soft-delete-duration "$(field "$bucket" retentionDurationSeconds)s"

part "The images' repository"
seen artifacts repositories describe forecastlab --location "$REGION" ||
	run artifacts repositories create forecastlab --location "$REGION" --repository-format docker

part "Four identities, and what each may do"
while read -r row; do
	name=$(entry "$row" name)
	seen iam service-accounts describe "$(account "$name")" ||
		run iam service-accounts create "$name" --display-name "$(entry "$row" purpose)"
done < <(rows "$HERE/identities.yaml" accounts)
grants grants

part "Secrets: each readable by the job alone, at the version that the job's YAML names"
while read -r secret; do
	if [ -n "$DRY_RUN" ] || seen secrets describe "$secret"; then
		run secrets add-iam-policy-binding "$secret" \
			--member "serviceAccount:$(account forecastlab-job)" --role roles/secretmanager.secretAccessor
		# Not its value: a release must see which versions there are, or it leaves them out.
		run secrets add-iam-policy-binding "$secret" \
			--member "serviceAccount:$(account forecastlab-deploy)" --role roles/secretmanager.viewer
	else
		say "There is no secret $secret; what needs it stays off until there is (docs/cloud.md)."
	fi
done < <(sed -n 's/.*secretKeyRef: {name: \([^,]*\),.*/\1/p' "$HERE"/run/*.yaml | sort -u)

part "Images, trial, jobs and service: Cloud Build runs cloudbuild.yaml, which ends with release.sh"
run builds submit "$HERE/.." --config "$HERE/../cloudbuild.yaml" \
	--service-account "projects/$PROJECT/serviceAccounts/$(account forecastlab-deploy)" \
	--gcs-source-staging-dir "gs://$BUCKET/builds" \
	--substitutions "_REGION=$REGION,_BUCKET=$BUCKET,_RUNTIME=$RUNTIME,_TAG=$TAG"
if [ -n "$DRY_RUN" ]; then
	part "What release.sh runs inside that build"
	"$HERE/release.sh" "$PROJECT" "$REGION" "$BUCKET" --runtime "$RUNTIME" --tag "$TAG" --dry-run
fi

part "Who may start what"
grants later_grants

part "The dashboard: only Google's identity-aware proxy may call it, and it lets listed people through"
run beta services identity create --service iap.googleapis.com
number=$(found projects describe "$PROJECT" --format "value(projectNumber)")
run run services add-iam-policy-binding forecastlab-web --region "$REGION" \
	--member "serviceAccount:service-${number:-NUMBER}@gcp-sa-iap.iam.gserviceaccount.com" \
	--role roles/run.invoker
[ -z "$EMAIL" ] || run iap web add-iam-policy-binding --resource-type cloud-run \
	--service forecastlab-web --region "$REGION" --member "user:$EMAIL" \
	--role roles/iap.httpsResourceAccessor

part "The schedule"
for name in daily doctor hourly retrain; do
	[ "$name" != retrain ] || [ -n "$DRY_RUN" ] ||
		seen run jobs describe forecastlab-retrain --region "$REGION" || continue
	schedule "$name"
done

part "Alerts"
CHANNEL=
if [ -n "$EMAIL" ]; then
	channels=(beta monitoring channels list --filter "labels.email_address=\"$EMAIL\"" --format "value(name)")
	CHANNEL=$(found "${channels[@]}")
	[ -n "$CHANNEL" ] || run beta monitoring channels create --type email \
		--display-name "forecastlab $EMAIL" --channel-labels "email_address=$EMAIL"
	CHANNEL=$(found "${channels[@]}")
	[ -z "$DRY_RUN" ] || CHANNEL=CHANNEL
else
	say "No --email: the alerts open incidents in Cloud Monitoring, and tell nobody."
fi
for name in failed degraded stale; do alert "$name"; done

[ -n "$DRY_RUN" ] || say "Done. Now: forecastlab cloud run, then forecastlab cloud status (docs/cloud.md)."
