"""All settings: environment variables with the prefix VISCERA_, or files in the folder that VISCERA_SECRETS names.

Files have the name of the variable in lower case (`viscera_ledger_url`); use them for passwords.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Addresses of ledger, store and broker, and limits of this installation."""

    model_config = SettingsConfigDict(
        env_prefix="VISCERA_", extra="ignore", secrets_dir=os.environ.get("VISCERA_SECRETS") or None
    )

    ledger_url: str = Field("sqlite:///viscera.db", description="SQLAlchemy URL of the job ledger.")
    store_url: str = Field(
        "file:store", description="Where files are kept: file:PATH or s3://BUCKET/PREFIX?endpoint=URL."
    )
    broker_url: str = Field("redis://127.0.0.1:6379/0", description="Redis or Valkey that carries the stage messages.")
    spool: Path = Field(Path("spool"), description="Folder for uploads before they are in the store.")
    key: SecretStr | None = Field(
        None, description="An API key to add at start, for the tenant `default`; at least 20 characters."
    )
    metrics_key: SecretStr | None = Field(
        None, description="A key to add at start that may only read `/metrics`; at least 20 characters."
    )
    max_upload_bytes: int = Field(4 * 2**30, description="Largest upload in bytes.")
    job_seconds: float = Field(3600.0, description="Seconds after which a job that has not ended fails with `timeout`.")
    lease_seconds: float = Field(30.0, description="Seconds a worker may be silent before its work is requeued.")
    queue_bound: int = Field(
        1000, description="Queued jobs; beyond that a tenant that has its equal part of them is answered 429."
    )
    requests_per_minute: int = Field(6000, description="Requests of one tenant per minute and process; 0: no limit.")
    uploads_at_once: int = Field(8, description="Uploads of one tenant at once in one process; 0: no limit.")
    unfinished_uploads: int = Field(
        32, ge=0, description="Uploads in parts that one tenant has begun and not finished; 0: no limit."
    )
    open_jobs: int = Field(0, description="Queued and running jobs of one tenant; 0: no limit.")
    keep_days: float = Field(0.0, description="Days after its end at which a job is erased with its scan; 0: never.")
    scan_hours: float = Field(24.0, description="Hours after which a scan that no job uses is erased.")
    webhook_http: bool = Field(False, description="Allow webhooks to plain http.")
    webhook_networks: str = Field(
        "", description="Private networks that webhooks may reach: CIDRs, separated by commas."
    )
    free_bytes: int = Field(
        2 * 2**30,
        description="Free disk space in bytes, less what uploads have announced, below which they are answered 503.",
    )
    oidc_issuer: str = Field("", description="Issuer of the tokens that are accepted beside API keys.")
    oidc_audience: str = Field("viscera", description="Audience that an access token must name.")
    oidc_algorithms: str = Field("RS256,ES256,PS256", description="Accepted signature algorithms, separated by commas.")
    oidc_tenant_claim: str = Field("tenant", description="Claim that names the tenant.")
    oidc_tenant: str = Field("default", description="Tenant of tokens without that claim.")
    oidc_scope_claim: str = Field("scope", description="Claim that lists the scopes; AUDIENCE/ before one is removed.")
    oidc_client: str = Field("", description="Client id of the web page's own sign-in; empty: keys only.")
    oidc_secret: SecretStr | None = Field(None, description="Client secret of the web page's own sign-in.")
    oidc_ask: str = Field("openid", description="Scopes that the web page's sign-in asks for.")
    series_quiet_seconds: float = Field(10.0, description="Seconds without a new instance that end a DICOM series.")
    files: str = Field(
        "",
        description="Files that every job has written before somebody requests them: names, separated by commas;"
        " TENANT:NAME for the jobs of one tenant.",
    )
    destinations: Path | None = Field(None, description="TOML file of the DICOM systems that receive results.")
    dimse_clients: Path | None = Field(
        None, description="TOML file of the AE titles that may call the DIMSE node, with their tenants."
    )
    dimse_tls_cert: Path | None = Field(
        None, description="Certificate chain (PEM) of the DIMSE node: it then accepts TLS only."
    )
    dimse_tls_key: Path | None = Field(None, description="Private key (PEM) of that certificate.")
    dimse_tls_ca: Path | None = Field(
        None,
        description="CA certificates (PEM), one of which must have signed the certificate of each caller.",
    )
    provider: str = Field(
        "auto",
        description="What runs the models: cpu (ONNX Runtime), openvino, cuda or tensorrt; auto is the one of the first"
        " two that `viscera models verify` has found faster on this processor, or cpu.",
    )
    classifier_model: Path | None = Field(None, description="Model folder of the classifier, if not the shipped one.")
    segmenter_model: Path | None = Field(None, description="Model folder of the segmenter, if not the shipped one.")
    models: Path = Field(
        Path(".viscera/models"), description="Folder of models that `viscera models add` and `use` copied there."
    )
    model_rules: Path | None = Field(
        None, description="TOML file of rules that choose a model for a series from a PACS (docs/dicomweb.md)."
    )
    models_loaded: int = Field(2, ge=1, description="Segmenters that a worker keeps loaded at most.")
    threads: int = Field(0, description="Processor threads of the network; 0: one for each core.")
    child_memory: int = Field(
        0, ge=0, description="Bytes of memory (RLIMIT_DATA) of the process that runs a stage; 0: no limit."
    )
    gpu_index: int = Field(0, ge=0, description="Index of the GPU, among those that a worker sees.")
    gpu_memory_bytes: int = Field(
        0, ge=0, description="Bytes of GPU memory for weights and activations of one worker; 0: no limit."
    )
    gpu_search: Literal["heuristic", "exhaustive", "default"] = Field(
        "heuristic", description="How cuDNN chooses convolutions: heuristic, exhaustive or default."
    )
    gpu_engines: Path | None = Field(
        None, description="Folder where TensorRT stores its engines, by the model's SHA-256; empty: nowhere."
    )
    loopback: bool = Field(False, description="Set by `serve` on a loopback address: GET / opens a session.")
    web: Path | None = Field(None, description="Folder of the built web application that `/` serves.")
    public_url: str | None = Field(
        None, description="Address at which browsers and hospital systems reach this installation."
    )
    metrics_host: str = Field("127.0.0.1", description="Address on which all processes but the gateway serve metrics.")
    metrics_port: int = Field(0, description="Port of the metrics of a process other than the gateway; 0 disables it.")
    log_level: str = Field("INFO", description="Lowest level that is logged.")

    @property
    def heartbeat_seconds(self) -> float:
        """Return the seconds between two renewals of a lease."""
        return self.lease_seconds / 6.0

    @property
    def ring_seconds(self) -> float:
        """Return the seconds after which work that no worker claimed is notified again."""
        return self.lease_seconds / 3.0


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings."""
    return Settings()
