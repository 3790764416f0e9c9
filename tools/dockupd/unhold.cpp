#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {

exit_code run_unhold(session& s) {
  if (!s.has_state()) s.records();  // says that nothing is known
  orchestration::workspace& w = s.open_for_change("unhold");
  const bool lifted = w.records.remove_hold(s.asked().id);
  if (!lifted)
    throw fatal(exit_code::usage,
                "there is no hold on " + s.asked().id + " in project " + s.project_name() +
                    ". See: dockupd status -p " + s.project_name());
  if (s.asked().json)
    print(document("unhold", s.project_name(), "done", exit_code::ok));
  else
    print(s.project_name() + ": " + s.asked().id + " may be deployed again.\n");
  return exit_code::ok;
}

exit_code run_version(session& s) {
  if (s.asked().json)
    print(docker::json::object({{"format", 1}, {"command", "version"}, {"version", DOCKUPD_VERSION}}));
  else
    print(std::string("dockupd " DOCKUPD_VERSION "\n"));
  return exit_code::ok;
}

}  // namespace dockupd
