#!/bin/sh
# Writes fresh secrets for docker-compose.yml into deploy/secrets/, once; what is there stays as it is.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
once() { # file, content
    [ -s "secrets/$1" ] || printf '%s' "$2" >"secrets/$1"
}
once postgres_password "$(random)"
once ledger_password "$(random)"
once valkey_password "$(random)"
once s3_access "$(random)"
once s3_secret "$(random)"
once grafana_password "$(random)"
once viscera_key "vsk_$(random)"
once viscera_metrics_key "vsk_$(random)"
once viscera_ledger_url "postgresql+psycopg://viscera:$(cat secrets/ledger_password)@postgres:5432/viscera"
once viscera_broker_url "redis://:$(cat secrets/valkey_password)@valkey:6379/0"
once s3_credentials "[default]
aws_access_key_id = $(cat secrets/s3_access)
aws_secret_access_key = $(cat secrets/s3_secret)
"
once s3_config "{\"identities\": [{\"name\": \"viscera\", \"credentials\": [{\"accessKey\": \"$(cat secrets/s3_access)\", \"secretKey\": \"$(cat secrets/s3_secret)\"}], \"actions\": [\"Admin\", \"Read\", \"Write\", \"List\", \"Tagging\"]}]}"
# Containers read them as other users than the one who wrote them; on this machine the folder is shut to everybody else.
chmod 644 secrets/* && chmod 700 secrets
echo "The key of the tenant 'default' is in deploy/secrets/viscera_key."
