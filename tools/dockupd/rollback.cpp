#include <charconv>

#include "orchestration/run/updater.hpp"
#include "tools/dockupd/recovery.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

/// "r41" and "41" are numbers; anything else is the tag of the newest release that bears it.
std::optional<int> target_number(const orchestration::store& records, const std::string& text,
                                 const std::string& project) {
  if (text.empty()) return std::nullopt;
  for (const orchestration::release& r : records.releases())
    if (r.tag == text || r.tag.starts_with(text + "@")) return r.number;  // with or without its digest
  const char* begin = text.data() + (text.front() == 'r' ? 1 : 0);
  int number = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw fatal(exit_code::usage, "there is no release with tag " + text + ". See: dockupd history -p " + project);
  return number;
}

orchestration::rollback_request make_request(session& s, const orchestration::store& records) {
  const command& asked = s.asked();
  orchestration::rollback_request request;
  request.to = target_number(records, asked.target, s.project_name());
  if (asked.with_data) request.data = orchestration::data_choice::restore;
  if (asked.no_data) request.data = orchestration::data_choice::keep;
  fill_waits(asked, request.options);
  request.who = who_asks();
  request.why = asked.reason;
  return request;
}

}  // namespace

exit_code run_rollback(session& s) {
  if (!s.has_state()) s.records();  // says that there is nothing to go back to
  if (s.asked().check) {
    orchestration::workspace& w = s.open_for_reading();
    orchestration::updater updater(w);
    const orchestration::plan plan = s.run(updater.plan_for(make_request(s, w.records)));
    return print_plan(plan, s.asked(), "rollback", s.project_name());
  }
  orchestration::workspace& w = s.open_for_change("rollback");
  recover_first(s, w);
  orchestration::updater updater(w);
  const orchestration::run_result result = finish(s, w, updater.rollback(make_request(s, w.records)));
  if (s.asked().json)
    print(json_of(result, s.project_name(), "rollback"));
  else
    print(text_of(result, s.project_name(), "rollback"));
  return code_of(result.how);
}

}  // namespace dockupd
