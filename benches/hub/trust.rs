//! TLS that believes everything: the hub is this computer's.

use std::sync::Arc;

use anyhow::Result;
use rustls::ClientConfig;

#[path = "../../tests/common/anybody.rs"]
mod anybody;

use anybody::Anybody;

/// A configuration that asks nobody who he is.
pub(crate) fn anybody() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody { by_key: false }))
        .with_no_client_auth())
}
