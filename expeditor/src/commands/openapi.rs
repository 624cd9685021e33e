//! `openapi`: how the services are asked over HTTP, as one document for other teams and their tools.
//! It is made of the routes that they serve; this only prints it.

use clap::{Args, builder::PossibleValuesParser};
use contracts::ServiceName;
use runtime::{
    Service,
    http::{Guarded, Handle, Rules, health, openapi},
    metrics,
};

use crate::{print, system};

/// What the document of all services is called.
pub const TITLE: &str = "Expeditor";

/// What the document of one service is called.
pub fn title(service: ServiceName) -> String {
    format!("{TITLE}: {service}")
}

/// Options of `openapi`.
#[derive(Debug, Default, Args)]
pub struct OpenapiArgs {
    /// Only what this service's process is asked [default: all services].
    #[arg(value_name = "SERVICE", value_parser = PossibleValuesParser::new(services()))]
    pub service: Option<String>,
}

fn services() -> impl Iterator<Item = &'static str> {
    ServiceName::ALL.into_iter().map(ServiceName::as_str)
}

/// Prints it.
pub fn run(options: &OpenapiArgs) {
    let only = options.service.as_deref().and_then(ServiceName::parse);
    let document = match only {
        Some(service) => openapi::document(&title(service), &rules(&[service])),
        None => openapi::document(TITLE, &rules(&ServiceName::ALL)),
    };
    print::line(format_args!("{document:#}"));
}

/// What holds for the routes of a process with these services.
pub fn rules(services: &[ServiceName]) -> Rules {
    let mut all = health::probes().rules().clone();
    all.extend(metrics::scraped().rules().clone());
    for service in services {
        all.extend(rules_of(*service));
    }
    openapi::add_rules(&mut all);
    all
}

fn rules_of(service: ServiceName) -> Rules {
    fn of<S: Service>(own: fn() -> Guarded<Handle<S>>, service: ServiceName) -> Rules {
        system::routes_of(own, service).rules().clone()
    }
    match service {
        ServiceName::Orchestrator => of(orchestrator::routes, service),
        ServiceName::Payment => of(payment::routes, service),
        ServiceName::Store => of(store::routes, service),
        ServiceName::Cook => of(cook::routes, service),
        ServiceName::Rider => of(rider::routes, service),
        ServiceName::Mypage => of(mypage::routes, service),
        ServiceName::Notification => of(notification::routes, service),
    }
}
