#include <chrono>

#include "orchestration/release/identity.hpp"
#include "orchestration/run/guard.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/printable.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

using orchestration::guard_info;

/// ", 3 h ago"; empty: it does not say when.
std::string age_of(const guard_info& guard) {
  const auto since = orchestration::from_rfc3339(guard.since);
  if (!since) return {};
  const auto age = std::chrono::duration_cast<std::chrono::minutes>(std::chrono::system_clock::now() - *since);
  if (age < std::chrono::hours(2)) return ", " + std::to_string(age.count()) + " min ago";
  return ", " + std::to_string(age.count() / 60) + " h ago";
}

std::string known_by(const guard_info& guard) { return printable(to_text(guard) + age_of(guard)); }

docker::task<bool> removed(orchestration::engine& e, guard_info guard) {
  co_await orchestration::remove_guard(e, std::move(guard));
  co_return true;
}

}  // namespace

exit_code run_unlock(session& s) {
  const std::string& project = s.project_name();
  // A live run may have taken it, and its own end removes it.
  if (const auto holder = s.running()) throw s.locked_by(*holder);
  const std::optional<guard_info> guard = s.run(orchestration::find_guard(s.engine(), project));
  if (!guard)
    throw fatal(exit_code::usage, "the engine holds project " + project + " for nobody: there is nothing to unlock");
  if (guard->op != s.asked().id)
    throw fatal(exit_code::usage, "the engine holds project " + project + " for another run than " + s.asked().id +
                                      ": " + known_by(*guard) + ". Its id is shown by: dockupd status -p " + project);
  say_warning("unlocking " + project + ", held for " + known_by(*guard) +
              ". If that run still goes on, it stops at its next step");
  s.run(removed(s.engine(), *guard));
  if (s.asked().json)
    print(document("unlock", project, "done", exit_code::ok));
  else
    print(project + ": unlocked. What that run left half-way, it alone can recover, from its own state directory.\n");
  return exit_code::ok;
}

}  // namespace dockupd
