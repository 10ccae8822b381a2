//! The queue, and what EventBridge sends to it.

use aws_sdk_ec2::types::{DefaultTargetCapacityType as Kind, InstanceStateName};
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName,
};
use serde_json::Value;

use super::emulated::{CALM, PLAIN};
use super::peer::{Peer, QUEUE, code, ids, of_type, with};

#[test]
fn a_spot_instance_is_warned_taken_and_told_of_in_the_queue() {
    with(CALM, PLAIN, async |peer, emulated| {
        peer.template("nodes").await;
        let fleet = peer.fleet("nodes", Kind::Spot, 1, vec![of_type("m6i.2xlarge")]);
        let id = ids(&fleet.send().await.unwrap());
        emulated.advance("5s");
        assert_eq!(drain(peer).await, ["pending", "running"]);
        assert_eq!(
            emulated.upset("interruptions", &id[0])["done"][0],
            id[0].as_str()
        );
        assert_eq!(
            emulated.upset("interruptions", &id[0])["refused"][0],
            id[0].as_str()
        );
        let rebalance = "EC2 Instance Rebalance Recommendation";
        let warning = "EC2 Spot Instance Interruption Warning";
        assert_eq!(drain(peer).await, [rebalance, warning]);
        emulated.advance("119s");
        assert_eq!(state(peer, &id).await, InstanceStateName::Running);
        emulated.advance("1s");
        assert_eq!(drain(peer).await, ["shutting-down"]);
        emulated.advance("30s");
        assert_eq!(drain(peer).await, ["terminated"]);
        let ended = peer.instances(&id).await.remove(0);
        let reason = ended.state_reason().unwrap().code();
        assert_eq!(reason, Some("Server.SpotInstanceTermination"));
    });
}

async fn state(peer: &Peer, id: &[String]) -> InstanceStateName {
    peer.instances(id).await[0]
        .state()
        .unwrap()
        .name()
        .unwrap()
        .clone()
}

/// Takes all events out of the queue: their states, or else their kinds.
async fn drain(peer: &Peer) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let received = peer
            .sqs
            .receive_message()
            .queue_url(QUEUE)
            .max_number_of_messages(10);
        let received = received.send().await.unwrap();
        if received.messages().is_empty() {
            return told;
        }
        for message in received.messages() {
            let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            assert_eq!(event["account"], "123456789012");
            let text = event["detail"]["state"]
                .as_str()
                .or(event["detail-type"].as_str());
            told.push(text.unwrap().to_owned());
            let receipt = message.receipt_handle().unwrap();
            let deleted = peer
                .sqs
                .delete_message()
                .queue_url(QUEUE)
                .receipt_handle(receipt)
                .send();
            deleted.await.unwrap();
        }
    }
}

#[test]
fn the_worlds_interruptions_strike_spot_alone() {
    let world = CALM.replace("rate: 0", "rate: 0, scripted: [{at: 10m}]");
    with(&world, PLAIN, async |peer, emulated| {
        peer.template("nodes").await;
        let fleet = |kind| {
            peer.fleet("nodes", kind, 3, vec![of_type("m6i.2xlarge")])
                .send()
        };
        let spot = ids(&fleet(Kind::Spot).await.unwrap());
        let on_demand = ids(&fleet(Kind::OnDemand).await.unwrap());
        emulated.advance("13m");
        for instance in peer.instances(&spot).await {
            assert_eq!(
                instance.state().unwrap().name(),
                Some(&InstanceStateName::Terminated)
            );
        }
        for instance in peer.instances(&on_demand).await {
            assert_eq!(
                instance.state().unwrap().name(),
                Some(&InstanceStateName::Running)
            );
        }
        let refused = emulated.upset("interruptions", &on_demand[0]);
        assert_eq!(refused["refused"][0], on_demand[0].as_str());
    });
}

#[test]
fn a_retirement_is_told_as_aws_health_tells_it_and_in_the_status() {
    with(CALM, PLAIN, async |peer, emulated| {
        peer.template("nodes").await;
        let fleet = peer.fleet("nodes", Kind::OnDemand, 1, vec![of_type("m6i.2xlarge")]);
        let id = ids(&fleet.send().await.unwrap());
        emulated.advance("5s");
        drain(peer).await;
        emulated.upset("retirements", &id[0]);
        assert_eq!(drain(peer).await, ["AWS Health Event"]);
        let status = peer
            .ec2
            .describe_instance_status()
            .set_instance_ids(Some(id))
            .send();
        let status = status.await.unwrap();
        let event = &status.instance_statuses()[0].events()[0];
        assert_eq!(event.code().unwrap().as_str(), "instance-retirement");
    });
}

#[test]
fn a_queue_hides_delivers_again_and_deletes() {
    with(CALM, PLAIN, async |peer, emulated| {
        let url = peer
            .sqs
            .get_queue_url()
            .queue_name("interruptions")
            .send()
            .await
            .unwrap();
        assert_eq!(url.queue_url(), Some(QUEUE));
        let none = peer
            .sqs
            .get_queue_url()
            .queue_name("none")
            .send()
            .await
            .unwrap_err();
        assert!(none.into_service_error().is_queue_does_not_exist());
        for body in ["one", "two"] {
            peer.sqs
                .send_message()
                .queue_url(QUEUE)
                .message_body(body)
                .send()
                .await
                .unwrap();
        }
        let receive = || {
            peer.sqs
                .receive_message()
                .queue_url(QUEUE)
                .max_number_of_messages(10)
                .visibility_timeout(20)
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
                .send()
        };
        let first = receive().await.unwrap();
        assert_eq!(first.messages().len(), 2);
        assert_eq!(
            first.messages()[0].md5_of_body(),
            Some("f97c5d29941bfb1b2fdab0874906ab82")
        );
        assert!(
            receive().await.unwrap().messages().is_empty(),
            "they are hidden"
        );
        emulated.advance("20s");
        let again = receive().await.unwrap();
        let count = MessageSystemAttributeName::ApproximateReceiveCount;
        assert_eq!(again.messages()[0].attributes().unwrap()[&count], "2");
        let entries = again.messages().iter().enumerate().map(|(i, message)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(i.to_string());
            entry
                .receipt_handle(message.receipt_handle().unwrap())
                .build()
                .unwrap()
        });
        let deleted = peer.sqs.delete_message_batch().queue_url(QUEUE);
        let deleted = deleted
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .unwrap();
        assert_eq!(deleted.successful().len(), 2);
        emulated.advance("20s");
        assert!(receive().await.unwrap().messages().is_empty());
        let bad = peer
            .sqs
            .delete_message()
            .queue_url(QUEUE)
            .receipt_handle("x")
            .send()
            .await;
        assert_eq!(code(bad), "ReceiptHandleIsInvalid");
        let all = peer.sqs.get_queue_attributes().queue_url(QUEUE);
        let all = all
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .unwrap();
        let visible = QueueAttributeName::ApproximateNumberOfMessages;
        assert_eq!(all.attributes().unwrap()[&visible], "0");
    });
}

#[test]
fn a_caller_that_waits_is_told_as_soon_as_there_is_something() {
    with(CALM, PLAIN, async |peer, _| {
        let waits = peer
            .sqs
            .receive_message()
            .queue_url(QUEUE)
            .wait_time_seconds(20)
            .send();
        let sends = async {
            tokio::task::yield_now().await;
            peer.sqs
                .send_message()
                .queue_url(QUEUE)
                .message_body("late")
                .send()
                .await
                .unwrap();
        };
        let (received, ()) = tokio::join!(waits, sends);
        assert_eq!(received.unwrap().messages()[0].body(), Some("late"));
    });
}

#[test]
fn a_queue_that_is_gone_is_a_code_that_the_sdk_knows() {
    let script = format!(
        "{PLAIN}faults: [{{action: ReceiveMessage, do: error, code: QueueDoesNotExist, status: 400}}]\n"
    );
    with(CALM, &script, async |peer, _| {
        let gone = peer
            .sqs
            .receive_message()
            .queue_url(QUEUE)
            .send()
            .await
            .unwrap_err();
        assert!(gone.into_service_error().is_queue_does_not_exist());
    });
}
