//! Instances in pages and by id, and their end in batches.

use sparkwright::live::ec2::{Ec2Error, InstanceState};

use super::account::emulated::{CALM, PLAIN};
use super::account::{on_demand, with};

#[test]
fn a_thousand_and_two_hundred_are_listed_in_pages_and_ended_in_batches() {
    let world = format!("{CALM}subnets: [{{zone: us-east-1a, addresses: 60000}}]\n");
    with(&world, PLAIN, async |account| {
        let ids = account
            .launched(on_demand(&["m6i.xlarge"], 1200, "t-1"))
            .await;
        assert_eq!(ids.len(), 1200);
        let mut found: Vec<String> = Vec::new();
        for instance in account.ec2.instances().await.unwrap() {
            assert_eq!(instance.state, InstanceState::Pending);
            found.push(instance.id);
        }
        assert_eq!(account.called("DescribeInstances", ""), 2, "two pages");
        let (mut ids, some) = (ids.clone(), ids[..450].to_vec());
        ids.sort();
        found.sort();
        assert_eq!(found, ids);
        assert_eq!(account.ec2.instances_of(&some).await.unwrap().len(), 450);
        let ended = account.ec2.terminate(&ids).await;
        assert!(ended.len() == 1200 && ended.values().all(Result::is_ok));
        assert_eq!(account.called("TerminateInstances", ""), 3);
    });
}

#[test]
fn one_bad_id_fails_neither_a_list_nor_the_end_of_the_others() {
    with(CALM, PLAIN, async |account| {
        let mut ids = account.launched(on_demand(&["m6i.xlarge"], 3, "t-1")).await;
        let (gone, wrong) = ("i-0123456789abcdef0", "i-nonsense");
        ids.push(gone.to_owned());
        let found = account.ec2.instances_of(&ids).await.unwrap();
        assert_eq!(found.len(), 3);
        ids.push(wrong.to_owned());
        let ended = account.ec2.terminate(&ids).await;
        for id in &ids[..3] {
            assert_eq!(ended[id], Ok(()), "{id}");
        }
        assert_eq!(ended[gone], Ok(()), "what is gone is done");
        assert!(
            matches!(ended[wrong], Err(Ec2Error::Refused { .. })),
            "{ended:?}"
        );
        let states = account.ec2.instances_of(&ids[..3]).await.unwrap();
        assert!(
            states
                .iter()
                .all(|i| i.state == InstanceState::ShuttingDown)
        );
        let again = account.ec2.terminate(&ids[..3]).await;
        assert!(
            again.values().all(Result::is_ok),
            "ending twice is ending once"
        );
    });
}

#[test]
fn an_instance_that_ec2_does_not_find_yet_is_not_taken_for_gone() {
    let script = "describeLag: {p50: 10s, p99: 20s}\nthrottling: false\n";
    with(CALM, script, async |account| {
        let ids = account.launched(on_demand(&["m6i.xlarge"], 2, "t-1")).await;
        assert_eq!(
            account.ec2.instances().await.unwrap(),
            [],
            "EC2 finds them later"
        );
        let ended = account.ec2.terminate(&ids).await;
        for id in &ids {
            assert!(
                matches!(ended[id], Err(Ec2Error::NotYetFound { .. })),
                "{ended:?}"
            );
        }
        account.emulated.advance("10m");
        let ended = account.ec2.terminate(&ids).await;
        assert!(ended.values().all(Result::is_ok), "{ended:?}");
    });
}

#[test]
fn instances_of_others_are_not_listed() {
    with(CALM, PLAIN, async |account| {
        let request = account.request(on_demand(&["m6i.xlarge"], 1, "t-1")).await;
        let mut foreign = request.clone();
        foreign.tags.insert(
            "kubernetes.io/cluster/emulated".to_owned(),
            "shared".to_owned(),
        );
        account.ec2.create_fleet(&foreign, "t-2").await.unwrap();
        assert_eq!(account.ec2.instances().await.unwrap(), []);
        account.ec2.create_fleet(&request, "t-1").await.unwrap();
        assert_eq!(account.ec2.instances().await.unwrap().len(), 1);
    });
}
