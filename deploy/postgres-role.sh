#!/bin/sh
# Run once by the database's image: a role that owns the ledger and is no superuser, whom no row-level security binds.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$(cat "$VISCERA_PASSWORD_FILE")" --username postgres <<-SQL
	CREATE ROLE viscera LOGIN PASSWORD :'password';
	CREATE DATABASE viscera OWNER viscera;
SQL
