//! Token buckets and addresses.

use aws_sdk_ec2::types::DefaultTargetCapacityType as Kind;

use super::emulated::{CALM, PLAIN};
use super::peer::{code, codes, ids, in_zone, of_type, with};

#[test]
fn calls_beyond_a_bucket_are_throttled_and_come_back_at_its_rate() {
    with(CALM, "", async |peer, emulated| {
        peer.template("nodes").await;
        let fleet = || {
            peer.fleet("nodes", Kind::OnDemand, 1, vec![of_type("m6i.2xlarge")])
                .send()
        };
        for call in 0..50 {
            assert!(fleet().await.is_ok(), "call {call}");
        }
        assert_eq!(code(fleet().await), "RequestLimitExceeded");
        assert!(
            peer.ec2.describe_subnets().send().await.is_ok(),
            "another bucket"
        );
        emulated.advance("1s");
        for _ in 0..5 {
            assert!(fleet().await.is_ok());
        }
        assert_eq!(code(fleet().await), "RequestLimitExceeded");
        let throttled = emulated.calls();
        let throttled = throttled
            .iter()
            .filter(|(_, code)| code == "RequestLimitExceeded");
        assert_eq!(throttled.count(), 2, "as the log says");
    });
}

#[test]
fn instances_beyond_their_bucket_are_refused_beside_those_that_are_given() {
    let world = format!("{CALM}requests: {{instances: {{burst: 5, perSecond: 1}}}}\n");
    with(&world, PLAIN, async |peer, emulated| {
        peer.template("nodes").await;
        let fleet = || {
            peer.fleet("nodes", Kind::OnDemand, 8, vec![of_type("m6i.2xlarge")])
                .send()
        };
        let answer = fleet().await.unwrap();
        assert_eq!(
            (ids(&answer).len(), codes(&answer)),
            (5, vec!["RequestLimitExceeded"])
        );
        emulated.advance("2s");
        assert_eq!(ids(&fleet().await.unwrap()).len(), 2);
    });
}

#[test]
fn a_subnet_has_so_many_addresses_and_gets_them_back() {
    let world = format!("{CALM}subnets: [{{zone: us-east-1a, addresses: 40}}]\n");
    with(&world, PLAIN, async |peer, emulated| {
        peer.template("nodes").await;
        assert_eq!(peer.subnet("us-east-1a").await.1, 40);
        // An interface of 15 addresses for each m6i.2xlarge.
        let over = vec![in_zone("m6i.2xlarge", "us-east-1a")];
        let answer = peer
            .fleet("nodes", Kind::OnDemand, 4, over)
            .send()
            .await
            .unwrap();
        let given = ids(&answer);
        assert_eq!(
            (given.len(), codes(&answer)),
            (2, vec!["InsufficientFreeAddressesInSubnet"])
        );
        assert_eq!(peer.subnet("us-east-1a").await.1, 10);
        let end = peer
            .ec2
            .terminate_instances()
            .set_instance_ids(Some(given))
            .send();
        end.await.unwrap();
        emulated.advance("30s");
        assert_eq!(peer.subnet("us-east-1a").await.1, 40);
    });
}
