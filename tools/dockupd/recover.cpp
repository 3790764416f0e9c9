#include "docker_client/error.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/recovery.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

using orchestration::ending;
using orchestration::run_result;

std::optional<run_result> recover(session& s, orchestration::workspace& w) {
  orchestration::updater updater(w);
  try {
    return s.run(updater.recover());
  } catch (const docker::error& error) {
    throw fatal(exit_code::interrupted_run_found,
                "an interrupted run of project " + s.project_name() + " could not be recovered now: " + error.what() +
                    ". When the engine answers: dockupd recover -p " + s.project_name());
  }
}

bool is_safe(ending how) {
  return how != ending::needs_person && how != ending::rolled_back_unproven && how != ending::left_open;
}

}  // namespace

bool recover_first(session& s, orchestration::workspace& w) {
  const std::optional<run_result> recovered = recover(s, w);
  if (!recovered) return false;
  const std::string text = text_of(*recovered, s.project_name(), "recovered run");
  if (!is_safe(recovered->how)) throw fatal(exit_code::interrupted_run_found, text);
  say_warning(text);
  return true;
}

run_result finish(session& s, orchestration::workspace& w, docker::task<run_result> run) {
  try {
    return s.run(std::move(run));
  } catch (const std::exception& error) {
    if (!w.records.open_attempt()) throw;
    throw fatal(exit_code::interrupted_run_found, std::string("stopped in the middle: ") + error.what() +
                                                      "\nWhen that is mended: dockupd recover -p " + s.project_name());
  }
}

exit_code run_recover(session& s) {
  std::optional<run_result> result;
  if (s.has_state()) result = recover(s, s.open_for_change("recover"));
  const exit_code code = !result || is_safe(result->how) ? exit_code::ok : code_of(result->how);
  if (s.asked().json) {
    docker::json out =
        document("recover", s.project_name(), result ? outcome_name(result->how) : "nothing_to_do", code);
    if (result) out["run"] = json_of(*result, s.project_name(), "recover");
    print(out.to_text() + "\n");
  } else {
    print(result ? text_of(*result, s.project_name(), "interrupted run")
                 : s.project_name() + ": nothing to recover.\n");
  }
  return code;
}

}  // namespace dockupd
