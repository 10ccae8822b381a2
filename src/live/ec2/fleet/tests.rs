//! Answers of CreateFleet that the emulator does not give: refused calls by code, and what EC2 leaves out.

use aws_sdk_ec2::types::{
    FleetLaunchTemplateOverrides, FleetLaunchTemplateSpecification, InstanceLifecycle,
};

use super::super::request::FleetOverride;
use super::*;

fn request() -> FleetRequest {
    let config = |template: &str, image: &str, names: &[&str]| FleetConfig {
        template: template.to_owned(),
        image: image.to_owned(),
        overrides: names
            .iter()
            .map(|name| FleetOverride {
                instance_type: (*name).to_owned(),
                subnet: "subnet-1".to_owned(),
                priority: None,
            })
            .collect(),
    };
    FleetRequest {
        capacity_type: CapacityType::Spot,
        strategy: "price-capacity-optimized".to_owned(),
        count: 3,
        minimum: None,
        zone: "us-east-1a".to_owned(),
        configs: vec![
            config("amd", "ami-amd", &["m6i.xlarge", "c6i.xlarge"]),
            config("arm", "ami-arm", &["m7g.xlarge"]),
        ],
        tags: Default::default(),
    }
}

fn refused(code: &str) -> Ec2Error {
    Ec2Error::Refused {
        action: Action::CreateFleet,
        code: code.to_owned(),
        message: "why".to_owned(),
    }
}

#[test]
fn a_refused_call_is_sorted_by_what_follows() {
    let of = |code| sorted(&request(), refused(code));
    for code in [
        "InsufficientInstanceCapacity",
        "UnfulfillableCapacity",
        "Unsupported",
    ] {
        let answer = of(code).unwrap();
        let types: Vec<_> = answer
            .refused
            .iter()
            .map(|r| r.instance_type.as_deref())
            .collect();
        let expected = [Some("m6i.xlarge"), Some("c6i.xlarge"), Some("m7g.xlarge")];
        assert_eq!(types, expected, "{code} holds for every override");
        assert!(
            answer
                .refused
                .iter()
                .all(|r| r.kind == RefusalKind::Capacity)
        );
    }
    let quota = of("MaxSpotInstanceCountExceeded").unwrap();
    assert!(quota.refused.iter().all(|r| r.kind == RefusalKind::Quota));
    assert_eq!(
        of("IdempotentParameterMismatch"),
        Err(LaunchError::TokenMismatch)
    );
    assert_eq!(
        of("InvalidLaunchTemplateName.NotFoundException"),
        Err(LaunchError::TemplateGone)
    );
    let lost = Ec2Error::Transient {
        action: Action::CreateFleet,
        cause: "closed".to_owned(),
    };
    assert!(matches!(
        sorted(&request(), lost),
        Err(LaunchError::Transient { .. })
    ));
}

#[test]
fn what_a_person_must_change_comes_with_what_to_do() {
    for (code, remedy) in [
        ("UnauthorizedOperation", "controller-policy.json"),
        (
            "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
            "create-service-linked-role",
        ),
        ("InvalidUserData.Malformed", "spec.userData"),
        ("InvalidParameterValue", "correct what EC2 names"),
    ] {
        let error = sorted(&request(), refused(code)).unwrap_err().to_string();
        assert!(error.contains(code) && error.contains(remedy), "{error}");
    }
}

fn told(code: &str, instance_type: &str) -> CreateFleetError {
    let over = FleetLaunchTemplateOverrides::builder().instance_type(instance_type.into());
    let origin = LaunchTemplateAndOverridesResponse::builder().overrides(over.build());
    CreateFleetError::builder()
        .error_code(code)
        .error_message("why")
        .lifecycle(InstanceLifecycle::Spot)
        .launch_template_and_overrides(origin.build())
        .build()
}

#[test]
fn errors_beside_instances_close_the_attempt_and_errors_alone_may_not() {
    let with = |codes: &[&str]| {
        let errors = codes.iter().map(|code| told(code, "m6i.xlarge")).collect();
        let output = CreateFleetOutput::builder()
            .set_errors(Some(errors))
            .build();
        useful(read(&request(), &output))
    };
    assert!(matches!(
        with(&["UnauthorizedOperation"; 2]),
        Err(LaunchError::Config { .. })
    ));
    let mixed = with(&["UnauthorizedOperation", "InsufficientInstanceCapacity"]).unwrap();
    assert_eq!(mixed.refused.len(), 2);
    let gone = "InvalidLaunchTemplateName.NotFoundException";
    assert_eq!(with(&[gone]), Err(LaunchError::TemplateGone));
    let throttled = with(&["RequestLimitExceeded"]).unwrap();
    assert_eq!(throttled.refused[0].kind, RefusalKind::Throttled);
    assert_eq!(with(&[]), Ok(Answer::default()));
}

#[test]
fn instances_are_read_with_and_without_ec2s_newer_fields() {
    let origin = |template: Option<&str>| {
        let named = FleetLaunchTemplateSpecification::builder()
            .set_launch_template_name(template.map(str::to_owned));
        let over = FleetLaunchTemplateOverrides::builder()
            .instance_type("m7g.xlarge".into())
            .subnet_id("subnet-1");
        LaunchTemplateAndOverridesResponse::builder()
            .launch_template_specification(named.build())
            .overrides(over.build())
            .build()
    };
    let given = CreateFleetInstance::builder()
        .instance_ids("i-1")
        .instance_ids("i-2")
        .instance_type("m7g.xlarge".into())
        .lifecycle(InstanceLifecycle::Spot);
    let old = given
        .clone()
        .launch_template_and_overrides(origin(None))
        .build();
    let instances = instances(&request(), &old);
    let expected = GivenInstance {
        id: "i-1".to_owned(),
        instance_type: "m7g.xlarge".to_owned(),
        zone: "us-east-1a".to_owned(),
        subnet: Some("subnet-1".to_owned()),
        image: Some("ami-arm".to_owned()),
        capacity_type: CapacityType::Spot,
    };
    assert_eq!((instances.len(), &instances[0]), (2, &expected));
    let new = given
        .launch_template_and_overrides(origin(Some("amd")))
        .availability_zone("us-east-1b")
        .subnet_id("subnet-2");
    let newer = super::instances(&request(), &new.build());
    assert_eq!(newer[1].zone, "us-east-1b");
    assert_eq!(newer[1].subnet.as_deref(), Some("subnet-2"));
    assert_eq!(
        newer[1].image.as_deref(),
        Some("ami-amd"),
        "the template says"
    );
}
