// What every changing verb does first, and what recover does alone.
#pragma once

#include "orchestration/plan/reconcile.hpp"
#include "orchestration/run/updater.hpp"
#include "tools/dockupd/session.hpp"

namespace dockupd {

/// --health-timeout, --migration-timeout, --stable-for and --timeout.
void fill_waits(const command& asked, orchestration::reconcile_options& options);

/// Finishes or undoes what an interrupted run left open, and says so: files may say other things than before.
/// fatal(interrupted_run_found) when that did not lead to a proven release. False: none was open.
bool recover_first(session& s, orchestration::workspace& w);

/// Runs update or rollback to its end. fatal(interrupted_run_found) when that stops in the middle, e.g. because its
/// records cannot be written.
orchestration::run_result finish(session& s, orchestration::workspace& w, docker::task<orchestration::run_result> run);

}  // namespace dockupd
