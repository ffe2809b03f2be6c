//! Who asks for one recording: by the link in the URL where there is one, else by token. Two ways, one check.

use std::sync::Arc;

use axum::http::{HeaderMap, Method};

use super::{identify, recognise};
use crate::auth::{Caller, LinkDenied, Opens, Presented, Purpose, Role};
use crate::delivery::{DeliveryError, Shelved};
use crate::http::app::App;
use crate::http::deeds::Asker;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::recording::{Scope, Sid, Timestamp};

/// Who asks for the recording of that name, and which it is. A link alone counts where there is one, whatever token
/// comes with it; and whoever has no good one learns nothing of whether there is such a recording.
pub async fn identify_for(
    app: &App,
    purpose: Purpose,
    sid: &str,
    query: Option<&str>,
    method: &Method,
    headers: &HeaderMap,
    asker: &Asker,
) -> Result<(Arc<Caller>, Sid), Problem> {
    let Some(link) = Presented::read(query.unwrap_or_default()).map_err(Problem::link)? else {
        let caller = identify(app, method, headers).await?;
        asker.is(&caller);
        return Ok((caller, sid.parse().map_err(|_| Problem::bad_sid())?));
    };
    let sid = sid.parse().map_err(|_| Problem::link(LinkDenied::Invalid))?;
    app.parts.links.learn(&link.kid).await?;
    let tenant = match app.parts.delivery.owner(sid).await {
        Err(DeliveryError::Unknown) => Err(Problem::link(LinkDenied::Invalid)),
        owner => owner.map_err(Problem::from),
    }?;
    let opens = Opens { purpose, tenant: &tenant, sid };
    let caller = app.parts.links.verify(&link, opens).map(Arc::new).map_err(|denied| {
        // One that was good once still says whose it was.
        if denied == LinkDenied::Expired {
            let (scope, expires) = (Scope::Tenant(tenant.clone()), Timestamp(0));
            asker.is(&Arc::new(Caller { user: (*link.sub).into(), scope, role: Role::Agent, expires }));
        }
        Problem::link(denied)
    })?;
    asker.is(&caller);
    Ok((caller, sid))
}

/// A recording that lies open, and one who may hear it as far as can be told without waiting.
pub fn recognise_for(
    app: &App,
    sid: Sid,
    query: Option<&str>,
    request: &(impl Fields + ?Sized),
) -> Option<(Arc<Caller>, Arc<Shelved>)> {
    let Some(query) = query else {
        let caller = recognise(app, request)?;
        let shelved = app.parts.delivery.at_hand(&caller.scope, sid)?;
        return Some((caller, shelved));
    };
    let link = Presented::read(query).ok()?.filter(|link| link.is_alone)?;
    let shelved = app.parts.delivery.at_hand(&Scope::Every, sid)?;
    let opens = Opens { purpose: Purpose::Play, tenant: &shelved.recording.tenant, sid };
    let caller = app.parts.links.verify(&link, opens).ok()?;
    Some((Arc::new(caller), shelved))
}
