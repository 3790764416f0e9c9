// One function a verb. Each prints its result on stdout and returns the exit code; what it throws, main() explains.
#pragma once

#include "tools/dockupd/session.hpp"

namespace dockupd {

exit_code run_update(session& s);
exit_code run_plan(session& s);
exit_code run_rollback(session& s);
exit_code run_recover(session& s);
exit_code run_status(session& s);
exit_code run_history(session& s);
exit_code run_snapshot_list(session& s);
exit_code run_snapshot_show(session& s);
exit_code run_snapshot_verify(session& s);
exit_code run_unhold(session& s);
exit_code run_unlock(session& s);
exit_code run_config(session& s);
exit_code run_version(session& s);

}  // namespace dockupd
