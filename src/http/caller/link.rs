//! Who asks for one recording: by the link in the URL where there is one, else by token. Two ways, one check.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Asking, identify, recognise};
use crate::auth::{Caller, LinkDenied, Opens, Presented, Purpose, Role};
use crate::delivery::{DeliveryError, Shelved};
use crate::http::app::App;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::recording::{Scope, Sid, Timestamp};

/// Who asks for the recording of that name, and which it is. A link alone counts where there is one, whatever token
/// comes with it; and whoever has no good one learns nothing of whether there is such a recording.
pub async fn identify_for(
    app: &App,
    purpose: Purpose,
    sid: &str,
    asking: &Asking,
) -> Result<(Arc<Caller>, Sid), Problem> {
    let refuse = |denied| refuse(app, denied, asking.from);
    let Some(link) = Presented::read(asking.uri.query().unwrap_or_default()).map_err(refuse)? else {
        let caller = identify(app, &asking.method, &asking.headers, asking.from).await?;
        asking.asker.is(&caller);
        return Ok((caller, sid.parse().map_err(|_| Problem::bad_sid())?));
    };
    let sid = sid.parse().map_err(|_| refuse(LinkDenied::Invalid))?;
    app.parts.links.learn(&link.kid).await?;
    let tenant = match app.parts.delivery.owner(sid).await {
        Err(DeliveryError::Unknown) => Err(refuse(LinkDenied::Invalid)),
        owner => owner.map_err(Problem::from),
    }?;
    let opens = Opens { purpose, tenant: &tenant, sid };
    let caller = app.parts.links.verify(&link, opens).map(Arc::new).map_err(|denied| {
        // One that was good once still says whose it was.
        if denied == LinkDenied::Expired {
            let (scope, expires) = (Scope::Tenant(tenant.clone()), Timestamp(0));
            asking.asker.is(&Arc::new(Caller { user: (*link.sub).into(), scope, role: Role::Agent, expires }));
        }
        refuse(denied)
    })?;
    asking.asker.is(&caller);
    Ok((caller, sid))
}

/// What opens nothing counts like a token that nobody has signed. A good link is let in whatever else comes from there.
fn refuse(app: &App, denied: LinkDenied, from: Option<IpAddr>) -> Problem {
    match denied {
        LinkDenied::Invalid => app.limits.sign_in_failed(from).map_or_else(Problem::from, |()| Problem::link(denied)),
        LinkDenied::Expired => Problem::link(denied),
    }
}

/// A recording that lies open, and one who may hear it as far as can be told without waiting.
pub fn recognise_for(
    app: &App,
    sid: Sid,
    query: Option<&str>,
    request: &impl Fields,
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
