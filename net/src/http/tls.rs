//! Trusted certificate authorities: Mozilla's list, and those in the file that `SSL_CERT_FILE`
//! names.

use std::env;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Environment variable with the path of a PEM file of further authorities. Other programs use the
/// same name.
const CERTIFICATE_FILE: &str = "SSL_CERT_FILE";

/// The settings of all TLS connections, or a message that says why there are none.
pub(super) fn config() -> Result<Arc<ClientConfig>, String> {
    let known = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
    let mut roots: RootCertStore = known.collect();
    if let Some(file) = env::var_os(CERTIFICATE_FILE).filter(|it| !it.is_empty()) {
        add(&mut roots, Path::new(&file))
            .map_err(|why| format!("{CERTIFICATE_FILE} names {}: {why}", file.display()))?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let found = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    let mut count = 0;
    for certificate in found {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        count += 1;
    }
    if count == 0 {
        return Err("it holds no certificate in PEM form".into());
    }
    Ok(())
}
