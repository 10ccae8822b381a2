//! Signature Version 4, as far as an emulator reads it: that a request carries one, for this region and
//! this service. The signature itself is not verified, since no secret is known here.

use super::ApiError;
use super::service::Service;

/// Checks the `Authorization` header.
///
/// # Errors
/// `MissingAuthenticationToken` where there is none; `AuthFailure` where it is no signature, or for
/// another region or service.
pub fn check(header: Option<&str>, region: &str, service: Service) -> Result<(), ApiError> {
    let Some(header) = header else {
        return Err(ApiError {
            status: 403,
            code: "MissingAuthenticationToken".into(),
            message: "Request is missing Authentication Token".to_owned(),
        });
    };
    let scope = scope(header).ok_or_else(|| refused("it is no AWS4-HMAC-SHA256 signature"))?;
    let [_, _, in_region, of_service, end] = scope[..] else {
        return Err(refused("its credential has no scope"));
    };
    if end != "aws4_request" {
        return Err(refused("its scope does not end in aws4_request"));
    }
    // IAM has one endpoint for all regions, and STS has one too; they sign for us-east-1.
    if in_region != region && !matches!(service, Service::Sts | Service::Iam) {
        return Err(refused(&format!("it should be scoped to region {region}")));
    }
    if of_service != service.signing_name() {
        let wanted = service.signing_name();
        return Err(refused(&format!("it should be scoped to service {wanted}")));
    }
    Ok(())
}

fn refused(why: &str) -> ApiError {
    ApiError {
        status: 401,
        code: "AuthFailure".into(),
        message: format!("AWS was not able to validate the provided access credentials: {why}"),
    }
}

/// Access key, date, region, service and end of a credential.
fn scope(header: &str) -> Option<Vec<&str>> {
    let parts = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let named = |name: &str| {
        let mut parts = parts.split(',').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    named("SignedHeaders")?;
    let signature = named("Signature")?;
    let is_hash = signature.len() == 64 && signature.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash
        .then(|| named("Credential"))?
        .map(|credential| credential.split('/').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_must_be_there_and_for_this_region_and_service() {
        let header = |scope: &str| {
            let hash = "0".repeat(64);
            format!(
                "AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders=host, Signature={hash}"
            )
        };
        let check = |header: Option<&str>| check(header, "us-east-1", Service::Ec2);
        assert_eq!(
            check(Some(&header("20261121/us-east-1/ec2/aws4_request"))),
            Ok(())
        );
        assert_eq!(check(None).unwrap_err().status, 403);
        for bad in [
            "Basic abc".to_owned(),
            header("20261121/eu-west-1/ec2/aws4_request"),
            header("20261121/us-east-1/sqs/aws4_request"),
            header("20261121/us-east-1/ec2"),
            "AWS4-HMAC-SHA256 Credential=a/b/us-east-1/ec2/aws4_request, SignedHeaders=host"
                .to_owned(),
        ] {
            assert_eq!(check(Some(&bad)).unwrap_err().code, "AuthFailure", "{bad}");
        }
    }
}
