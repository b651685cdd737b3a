//! The course's services by name: what `segue serve NAME` serves.

use phase_kit::catalog::{Catalog, ServiceSettings, options, plain};
use phase_kit::service::ServiceBuilder;
use providers::Finding;
use serde_json::Value;

use crate::baskets::phase::BasketsPhase;
use crate::extraction::phase::ExtractionPhase;
use crate::grammar::phase::GrammarPhase;
use crate::introductions::IntroductionsPhase;
use crate::manifest::phase::Manifest;
use crate::speech::options::TtsOptions;
use crate::speech::phase::Finish;
use crate::translation::TranslationOptions;

/// Says which endpoints are set up by the options of services (`translation`, `tts`), and which options are wrong. What
/// programs are on this machine, [`providers::doctor`] says.
pub fn doctor<'a>(options: impl Fn(&str) -> Option<&'a Value>) -> Vec<Finding> {
    let found = |name: &str, read: fn(&ServiceSettings) -> Result<Finding, serde_json::Error>| {
        let options = options(name).cloned().unwrap_or_default();
        let settings = ServiceSettings { options, ..ServiceSettings::default() };
        read(&settings).unwrap_or_else(|error| Finding {
            name: format!("options of {name}"),
            found: false,
            detail: "cannot be used".to_owned(),
            install: error.to_string(),
        })
    };
    vec![
        found("translation", |settings| {
            let options: TranslationOptions = phase_kit::catalog::options(settings)?;
            options.phase().map(|_| options.doctor())
        }),
        found("tts", |settings| {
            let options: TtsOptions = phase_kit::catalog::options(settings)?;
            options.check().map(|()| options.doctor())
        }),
    ]
}

/// Every service of a course, in the order of the pipeline.
pub const CATALOG: Catalog = Catalog {
    services: &[
        ("translation", translation),
        ("extraction", |builder, settings| plain(builder, settings, ExtractionPhase)),
        ("baskets", |builder, settings| plain(builder, settings, BasketsPhase)),
        ("grammar", |builder, settings| plain(builder, settings, GrammarPhase)),
        ("introductions", |builder, settings| plain(builder, settings, IntroductionsPhase)),
        ("manifest", |builder, settings| plain(builder, settings, Manifest)),
        ("tts", tts),
    ],
};

fn translation(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    let options: TranslationOptions = options(settings)?;
    Ok(builder.phase(options.phase()?))
}

fn tts(builder: ServiceBuilder, settings: &ServiceSettings) -> Result<ServiceBuilder, serde_json::Error> {
    let options: TtsOptions = options(settings)?;
    Ok(builder.phase(options.phase(&settings.data_dir)?).phase(Finish))
}
