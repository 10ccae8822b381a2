//! moto as a second opinion: the same questions to the emulator and to moto, where moto is right. Where it
//! is not, docs/emulator.md says so. Without moto on the PATH the test says that it was skipped.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_ec2::types::{DefaultTargetCapacityType as Kind, ResourceType, Tag, TagSpecification};

use super::emulated::{CALM, Emulated, PLAIN};
use super::peer::{Peer, block_on, code, filter, ids, of_type};

/// Looks at a server that starts, a tenth of a second apart.
const LOOKS: u32 = 600;

#[test]
fn moto_and_the_emulator_answer_alike_where_moto_is_right() {
    let Some(moto) = Moto::start() else {
        println!("skipped: moto_server is not installed; pip install 'moto[server,ec2,sqs]'");
        return;
    };
    let emulated = Emulated::start(CALM, PLAIN, &[]);
    let theirs = block_on(answers(&Peer::at(&moto.url)));
    let ours = block_on(answers(&Peer::at(&format!("http://{}", emulated.address))));
    assert!(ours.len() > 15, "{ours:?}");
    assert_eq!(ours, theirs);
}

/// What a peer answers, in words that do not depend on its ids.
async fn answers(peer: &Peer) -> Vec<(&'static str, String)> {
    let mut said = templates(peer).await;
    said.extend(launches(peer).await);
    said.extend(lists(peer).await);
    said
}

async fn templates(peer: &Peer) -> Vec<(&'static str, String)> {
    peer.template("nodes").await;
    let found = peer
        .ec2
        .describe_launch_templates()
        .launch_template_names("nodes")
        .send();
    let found = found.await.unwrap();
    let template = &found.launch_templates()[0];
    let image = peer
        .image(aws_sdk_ec2::types::ArchitectureValues::X8664)
        .await;
    let data = aws_sdk_ec2::types::RequestLaunchTemplateData::builder()
        .image_id(image)
        .build();
    let again = peer
        .ec2
        .create_launch_template()
        .launch_template_name("nodes");
    let again = again.launch_template_data(data.clone()).send().await;
    let dry = peer
        .ec2
        .create_launch_template()
        .launch_template_name("other");
    let dry = dry.launch_template_data(data).dry_run(true).send().await;
    let by_name = peer
        .ec2
        .describe_launch_templates()
        .launch_template_names("none")
        .send()
        .await;
    vec![
        (
            "latest version",
            format!("{:?}", template.latest_version_number()),
        ),
        ("template twice", code(again)),
        ("template, dry", code(dry)),
        ("no template of a name", code(by_name)),
    ]
}

async fn launches(peer: &Peer) -> Vec<(&'static str, String)> {
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::Instance)
        .tags(Tag::builder().key("intent").value("a-1").build())
        .build();
    let fleet = peer.fleet("nodes", Kind::OnDemand, 3, vec![of_type("m5.2xlarge")]);
    let dry = fleet.clone().dry_run(true).send().await;
    let answer = fleet.tag_specifications(tags).send().await.unwrap();
    let given = ids(&answer);
    let tagged = peer
        .ec2
        .describe_instances()
        .filters(filter("tag:intent", &["a-*"]));
    let tagged = tagged.send().await.unwrap();
    let tagged = tagged
        .reservations()
        .iter()
        .flat_map(|r| r.instances())
        .count();
    let instance = peer.instances(&given[..1]).await.remove(0);
    let absent = "i-0123456789abcdef0";
    let describe = peer
        .ec2
        .describe_instances()
        .instance_ids(absent)
        .send()
        .await;
    let one_bad = peer
        .ec2
        .terminate_instances()
        .instance_ids(&given[0])
        .instance_ids(absent);
    let one_bad = code(one_bad.send().await);
    let dry_end = peer
        .ec2
        .terminate_instances()
        .instance_ids(&given[0])
        .dry_run(true);
    let dry_end = code(dry_end.send().await);
    let ended = peer
        .ec2
        .terminate_instances()
        .set_instance_ids(Some(given.clone()));
    let ended = ended.send().await.unwrap();
    let state = ended.terminating_instances()[0]
        .current_state()
        .unwrap()
        .name()
        .unwrap()
        .clone();
    vec![
        ("fleet, dry", code(dry)),
        ("instances given", given.len().to_string()),
        ("instances by tag", tagged.to_string()),
        (
            "type of an instance",
            instance.instance_type().unwrap().as_str().to_owned(),
        ),
        ("a subnet", instance.subnet_id().is_some().to_string()),
        ("no instance of an id", code(describe)),
        ("one bad id of a batch", one_bad),
        ("end, dry", dry_end),
        ("end", state.as_str().to_owned()),
    ]
}

async fn lists(peer: &Peer) -> Vec<(&'static str, String)> {
    let one = peer
        .ec2
        .describe_instance_types()
        .instance_types("c5d.9xlarge".into());
    let one = one.send().await.unwrap();
    let machine = &one.instance_types()[0];
    let none = peer
        .ec2
        .describe_instance_types()
        .instance_types("zz9.huge".into())
        .send()
        .await;
    let zones = peer.ec2.describe_availability_zones().send().await.unwrap();
    let names = zones
        .availability_zones()
        .iter()
        .map(|zone| zone.zone_name().unwrap());
    let names: Vec<&str> = names.collect();
    let no_subnet = peer
        .ec2
        .describe_subnets()
        .subnet_ids("subnet-0123456789abcdef0")
        .send()
        .await;
    let no_image = peer
        .ec2
        .describe_images()
        .image_ids("ami-0123456789abcdef0")
        .send()
        .await;
    vec![
        (
            "vCPUs",
            format!("{:?}", machine.v_cpu_info().unwrap().default_v_cpus()),
        ),
        (
            "memory",
            format!("{:?}", machine.memory_info().unwrap().size_in_mib()),
        ),
        (
            "disks",
            format!(
                "{:?}",
                machine.instance_storage_info().unwrap().total_size_in_gb()
            ),
        ),
        (
            "interfaces",
            format!(
                "{:?}",
                machine.network_info().unwrap().maximum_network_interfaces()
            ),
        ),
        ("no type of a name", code(none)),
        ("zones", names.join(" ")),
        ("no subnet of an id", code(no_subnet)),
        ("no image of an id", code(no_image)),
    ]
}

/// A moto of its own for the test; it ends with it.
struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    fn start() -> Option<Moto> {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let port = free.port().to_string();
        let child = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let moto = Moto {
            child,
            url: format!("http://{free}"),
        };
        for _ in 0..LOOKS {
            if TcpStream::connect(free).is_ok() {
                return Some(moto);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("moto_server does not answer on {free}");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}
