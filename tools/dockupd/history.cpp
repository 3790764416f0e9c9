#include "orchestration/project/pin.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

struct line {
  std::vector<std::string> cells;
  docker::json json;
};

line line_of(const orchestration::release& r, int current) {
  const std::string mark = r.number == current ? "*" : "";
  line out;
  out.cells = {mark + "r" + std::to_string(r.number),
               orchestration::short_tag(r.tag),
               r.created_at,
               to_text(r.verdict),
               r.created_by,
               r.reason};
  out.json = docker::json::object({{"release", r.number},
                                   {"tag", r.tag},
                                   {"at", r.created_at},
                                   {"verdict", to_text(r.verdict)},
                                   {"who", r.created_by},
                                   {"why", r.reason},
                                   {"current", r.number == current},
                                   {"attempt", r.attempt_id}});
  return out;
}

line line_of(const orchestration::attempt& a) {
  line out;
  const std::string reason = a.reason.substr(0, a.reason.find('\n'));
  out.cells = {"-",          orchestration::short_tag(a.tag),
               a.started_at, a.ended_at.empty() ? "interrupted: " + a.state : a.kind + " " + a.state,
               a.who,        reason};
  out.json = docker::json::object({{"attempt", a.id},
                                   {"kind", a.kind},
                                   {"tag", a.tag},
                                   {"at", a.started_at},
                                   {"state", a.state},
                                   {"who", a.who},
                                   {"why", a.why},
                                   {"reason", a.reason}});
  return out;
}

/// Found running, and after that attempt had begun. Times are for people: a clock that was wrong sorts nothing.
bool came_after(const orchestration::release& found, const orchestration::attempt& a) {
  return a.kind == "update" ? found.number >= a.to_release : found.number > a.from_release;
}

/// Newest first, by the numbers of the releases and the order in which the attempts began.
std::vector<line> lines_of(const orchestration::store& records) {
  const auto now = records.current_release();
  const int current = now ? now->number : 0;
  const std::vector<orchestration::release> releases = records.releases();
  std::vector<line> out;
  auto next = releases.begin();
  for (const orchestration::attempt& a : records.attempts()) {
    for (; next != releases.end() && next->attempt_id.empty() && came_after(*next, a); ++next)
      out.push_back(line_of(*next, current));
    if (next != releases.end() && next->attempt_id == a.id) out.push_back(line_of(*next++, current));
    if (a.kind == "rollback" || a.state != "done") out.push_back(line_of(a));
  }
  for (; next != releases.end(); ++next) out.push_back(line_of(*next, current));
  return out;
}

}  // namespace

exit_code run_history(session& s) {
  std::vector<line> lines = lines_of(s.records());
  if (s.asked().json) {
    docker::json out = document("history", s.project_name(), "done", exit_code::ok);
    out["entries"] = docker::json::make_array();
    for (line& l : lines) out["entries"].push_back(std::move(l.json));
    print(out);
    return exit_code::ok;
  }
  std::vector<std::vector<std::string>> rows{{"RELEASE", "TAG", "WHEN", "VERDICT", "WHO", "WHY"}};
  for (line& l : lines) rows.push_back(std::move(l.cells));
  print(table(rows));
  return exit_code::ok;
}

}  // namespace dockupd
