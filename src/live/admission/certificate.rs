//! The webhook's certificate and the authority that signs it: when each is made anew, and what the API
//! server must trust meanwhile. A new authority signs nothing before the API server has been told of it,
//! and the former one is trusted until its end, so that no replica is ever refused.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use crate::model::time::{Span, Timestamp};

/// An authority lives as long as so many certificates.
const AUTHORITY_LIVES: i64 = 6;
/// Certificates are good from a little before they are made: clocks differ.
const SKEW: Span = Span::from_secs(300);

/// What the replicas share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// Who signs.
    pub authority: Authority,
    /// Who signed before; trusted until its end.
    pub former: Option<Trusted>,
    /// What the webhook shows.
    pub leaf: Leaf,
}

/// A certificate that the API server trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trusted {
    /// PEM.
    pub certificate: String,
    /// Its end, by which it is told from others.
    pub until: Timestamp,
}

/// Who signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its certificate.
    pub trusted: Trusted,
    /// PEM.
    pub key: String,
}

/// What the webhook shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
    /// Its end.
    pub until: Timestamp,
    /// Names by which the webhook is called.
    pub names: Vec<String>,
    /// The end of the authority that signed it.
    pub signed_by: Timestamp,
}

/// What is wanted of a certificate.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Names by which the webhook is called: DNS names or addresses.
    pub names: Vec<String>,
    /// How long it is good.
    pub life: Span,
}

/// What comes after what there is; None where that is good. `told`: the API server trusts the authority.
///
/// # Errors
/// A name that no certificate can carry, or a key that cannot be read.
pub fn next(
    there: Option<&Certificates>,
    told: bool,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Option<Certificates>, rcgen::Error> {
    let third = Span::from_millis(wanted.life.millis() / 3);
    let Some(there) = there.filter(|there| there.authority.trusted.until > now) else {
        return Certificates::new(wanted, now).map(Some);
    };
    let by_this_one = there.leaf.signed_by == there.authority.trusted.until;
    let authority_ages =
        there.authority.trusted.until - now < lives(wanted.life, AUTHORITY_LIVES / 3);
    if authority_ages && by_this_one {
        return Ok(Some(Certificates {
            former: Some(there.authority.trusted.clone()),
            authority: authority(wanted.life, now)?,
            leaf: there.leaf.clone(),
        }));
    }
    let ages = there.leaf.until - now < third || there.leaf.names != wanted.names;
    let over = there.leaf.until <= now;
    if over || (told && (ages || !by_this_one)) {
        return Ok(Some(Certificates {
            leaf: leaf(&there.authority, wanted, now)?,
            ..there.clone()
        }));
    }
    Ok(None)
}

impl Certificates {
    fn new(wanted: &Wanted, now: Timestamp) -> Result<Self, rcgen::Error> {
        let authority = authority(wanted.life, now)?;
        Ok(Certificates {
            leaf: leaf(&authority, wanted, now)?,
            authority,
            former: None,
        })
    }

    /// What the API server must trust, as PEM.
    pub fn bundle(&self, now: Timestamp) -> String {
        let former = self.former.as_ref().filter(|former| former.until > now);
        let former = former.map_or("", |former| former.certificate.as_str());
        format!("{}{former}", self.authority.trusted.certificate)
    }
}

impl Leaf {
    /// How TLS is spoken with it: HTTP/2, as the API server prefers, or 1.1.
    ///
    /// # Errors
    /// Where certificate and key cannot be read, or are not of each other.
    pub fn server(&self) -> Result<Arc<ServerConfig>, String> {
        let read = |error: &dyn std::fmt::Display| format!("the webhook's certificate: {error}");
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes());
        let certificate = certificate.map_err(|error| read(&error))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes());
        let key = key.map_err(|error| read(&error))?;
        let mut server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(|error| read(&error))?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(server))
    }
}

fn authority(life: Span, now: Timestamp) -> Result<Authority, rcgen::Error> {
    let until = now + lives(life, AUTHORITY_LIVES);
    let key = KeyPair::generate()?;
    let certificate = authority_parameters(until, now).self_signed(&key)?;
    Ok(Authority {
        trusted: Trusted {
            certificate: certificate.pem(),
            until,
        },
        key: key.serialize_pem(),
    })
}

fn leaf(authority: &Authority, wanted: &Wanted, now: Timestamp) -> Result<Leaf, rcgen::Error> {
    let signed_by = authority.trusted.until;
    let until = (now + wanted.life).min(signed_by);
    let mut leaf = CertificateParams::new(wanted.names.clone())?;
    leaf.distinguished_name = named("sparkwright webhook");
    dated(&mut leaf, now, until);
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issuer = authority_parameters(signed_by, now);
    let issuer = Issuer::new(issuer, KeyPair::from_pem(&authority.key)?);
    let key = KeyPair::generate()?;
    Ok(Leaf {
        certificate: leaf.signed_by(&key, &issuer)?.pem(),
        key: key.serialize_pem(),
        until,
        names: wanted.names.clone(),
        signed_by,
    })
}

/// An authority is named by its end, so that two of them are never taken for each other.
fn authority_parameters(until: Timestamp, now: Timestamp) -> CertificateParams {
    let mut authority = CertificateParams::default();
    authority.distinguished_name =
        named(&format!("sparkwright webhook authority {}", until.millis()));
    dated(&mut authority, now, until);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn dated(parameters: &mut CertificateParams, now: Timestamp, until: Timestamp) {
    let since = |at: Timestamp| Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0));
    let begun = date_time_ymd(1970, 1, 1);
    parameters.not_before = begun + since(now - SKEW);
    parameters.not_after = begun + since(until);
}

fn lives(life: Span, number: i64) -> Span {
    Span::from_millis(life.millis().saturating_mul(number))
}

#[cfg(test)]
mod tests;
