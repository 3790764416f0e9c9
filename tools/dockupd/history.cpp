#include <algorithm>

#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

struct line {
  std::string at;
  std::vector<std::string> cells;
  docker::json json;
};

line line_of(const orchestration::release& r, int current) {
  const std::string mark = r.number == current ? "*" : "";
  line out;
  out.at = r.created_at;
  out.cells = {mark + "r" + std::to_string(r.number), r.tag, r.created_at, to_text(r.verdict), r.created_by, r.reason};
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
  out.at = a.started_at;
  const std::string reason = a.reason.substr(0, a.reason.find('\n'));
  out.cells = {"-",   a.tag, a.started_at, a.ended_at.empty() ? "interrupted: " + a.state : a.kind + " " + a.state,
               a.who, reason};
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

}  // namespace

exit_code run_history(session& s) {
  const orchestration::store& records = s.records();
  const auto current = records.current_release();
  std::vector<line> lines;
  for (const orchestration::release& r : records.releases()) lines.push_back(line_of(r, current ? current->number : 0));
  for (const orchestration::attempt& a : records.attempts())
    if (a.kind == "rollback" || a.state != "done") lines.push_back(line_of(a));
  std::stable_sort(lines.begin(), lines.end(), [](const line& a, const line& b) { return a.at > b.at; });

  if (s.asked().json) {
    docker::json out = document("history", s.project_name(), "done", exit_code::ok);
    out["entries"] = docker::json::make_array();
    for (line& l : lines) out["entries"].push_back(std::move(l.json));
    print(out.to_text() + "\n");
    return exit_code::ok;
  }
  std::vector<std::vector<std::string>> rows{{"RELEASE", "TAG", "WHEN", "VERDICT", "WHO", "WHY"}};
  for (line& l : lines) rows.push_back(std::move(l.cells));
  print(table(rows));
  return exit_code::ok;
}

}  // namespace dockupd
