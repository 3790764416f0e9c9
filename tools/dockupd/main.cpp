#include <sys/prctl.h>
#include <sys/resource.h>

#include "tools/dockupd/failure.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace {

dockupd::exit_code run(dockupd::session& s) {
  using dockupd::verb;
  switch (s.asked().what) {
    case verb::update:
      return run_update(s);
    case verb::plan:
      return run_plan(s);
    case verb::rollback:
      return run_rollback(s);
    case verb::recover:
      return run_recover(s);
    case verb::status:
      return run_status(s);
    case verb::history:
      return run_history(s);
    case verb::snapshot_list:
      return run_snapshot_list(s);
    case verb::snapshot_show:
      return run_snapshot_show(s);
    case verb::snapshot_verify:
      return run_snapshot_verify(s);
    case verb::unhold:
      return run_unhold(s);
    case verb::unlock:
      return run_unlock(s);
    case verb::config:
      return run_config(s);
    case verb::version:
      return run_version(s);
  }
  return dockupd::exit_code::internal_error;
}

/// A core file would hold environments and credentials. Both, since a core_pattern that pipes asks for no limit: core(5).
void leave_no_core() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace

int main(int argc, char** argv) {
  leave_no_core();
  const auto parsed = dockupd::parse_command_line(argc, argv);
  if (const auto* early = std::get_if<dockupd::early_exit>(&parsed)) {
    // Help that was asked for is a result; what was typed wrongly is none.
    early->code == 0 ? dockupd::print(early->text) : dockupd::say_error(early->text);
    return early->code;
  }
  const auto& asked = std::get<dockupd::command>(parsed);
  return static_cast<int>(dockupd::explained(asked, [&] {
    dockupd::session session(asked);
    return run(session);
  }));
}
