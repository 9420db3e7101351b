//! The certificate and the private key of HTTPS, read once at the start, with a name for whatever is wrong with them.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Error, Result, anyhow, bail, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// A certificate, those of who signed it, and its private key.
pub(super) struct Certificate {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// Reads what `--http-cert` and `--http-key` name.
///
/// # Errors
/// If they cannot be read, or are something else, with the way out.
pub(super) fn read(path: &Path, key_path: &Path) -> Result<Certificate> {
    let (shown, key_shown) = (path.display(), key_path.display());
    let missing = |option, file: &Path| {
        anyhow!(
            "{option}: there is no file {}; with a name or address of this computer in place of NAME, both are made by: \
             openssl req -x509 -newkey rsa:2048 -nodes -days 825 -subj /CN=NAME -addext subjectAltName=DNS:NAME \
             -keyout {key_shown} -out {shown}",
            file.display()
        )
    };
    let text = read_file(path).map_err(|error| error.unwrap_or_else(|| missing("--http-cert", path)))?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| anyhow!("--http-cert: {shown} is damaged: {error:?}"))?;
    if chain.is_empty() {
        ensure!(
            !has(&text, "PRIVATE KEY"),
            "--http-cert: {shown} has a private key in it and no certificate; that is for --http-key"
        );
        bail!(
            "--http-cert: {shown} is no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----; of one in DER \
             it is made by: openssl x509 -in {shown} -out cert.pem"
        );
    }
    let text =
        read_file(key_path).map_err(|error| error.unwrap_or_else(|| missing("--http-key", key_path)))?;
    ensure!(
        !has(&text, "ENCRYPTED"),
        "--http-key: {key_shown} is encrypted, and nobody is asked for its password; decrypt it: \
         openssl pkey -in {key_shown} -out key.pem"
    );
    let key = PrivateKeyDer::from_pem_slice(&text);
    let key = key.map_err(|_| match has(&text, "CERTIFICATE") {
        true => anyhow!("--http-key: {key_shown} has a certificate in it and no private key; that is for --http-cert"),
        false => anyhow!(
            "--http-key: {key_shown} is no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----; of one in \
             DER it is made by: openssl pkey -in {key_shown} -out key.pem"
        ),
    })?;
    if key_path.metadata().is_ok_and(|about| about.mode() & 0o006 != 0) {
        tracing::warn!(
            "others on this computer can read or change the private key {key_shown}: chmod o= {key_shown}"
        );
    }
    Ok(Certificate { chain, key })
}

/// Why a certificate and a key that could be read are not taken.
pub(super) fn refused(error: &rustls::Error, path: &Path, key_path: &Path) -> Error {
    let (shown, key_shown) = (path.display(), key_path.display());
    match error {
        rustls::Error::InconsistentKeys(_) => anyhow!(
            "the private key {key_shown} (--http-key) is not that of the first certificate in {shown} (--http-cert); \
             give the key that the certificate was made with"
        ),
        rustls::Error::InvalidCertificate(_) => {
            anyhow!("--http-cert: {shown} is a damaged certificate: {error}")
        }
        _ => anyhow!("--http-key: {key_shown} is of no kind that is known (RSA, ECDSA, Ed25519): {error}"),
    }
}

/// A file's bytes.
///
/// # Errors
/// Why it cannot be read; `None`: it is not there.
fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Option<Error>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(None),
        Err(error) => Err(Some(anyhow!("cannot read {}: {error}", path.display()))),
    }
}

fn has(text: &[u8], word: &str) -> bool {
    memchr::memmem::find(text, word.as_bytes()).is_some()
}

/// Of one file: more than the longest chain has.
const MOST_BYTES: u64 = 1024 * 1024;
