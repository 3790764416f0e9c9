#include "orchestration/run/executor.hpp"

namespace orchestration {
namespace {

std::string join(const std::vector<volume_target>& volumes) {
  std::string out;
  for (const volume_target& v : volumes) out.append(out.empty() ? "" : ", ").append(v.name);
  return out;
}

struct subject_visitor {
  std::string operator()(const pull_image& o) const { return o.reference; }
  std::string operator()(const keep_image& o) const { return o.keep_as; }
  std::string operator()(const ensure_network& o) const { return o.name; }
  std::string operator()(const ensure_volume& o) const { return o.name; }
  std::string operator()(const create_container& o) const { return o.target.subject; }
  std::string operator()(const stop_container& o) const { return o.target.subject; }
  std::string operator()(const rename_container& o) const { return o.target.subject; }
  std::string operator()(const snapshot_volumes& o) const { return join(o.volumes); }
  std::string operator()(const restore_volumes& o) const { return join(o.volumes); }
  std::string operator()(const start_container& o) const { return o.target.subject; }
  std::string operator()(const verify_container& o) const { return o.target.subject; }
  std::string operator()(const pin_tag& o) const { return to_text(o); }
  std::string operator()(const pin_images& o) const { return to_text(o); }
  std::string operator()(const remove_container& o) const { return o.target.subject; }
  std::string operator()(const remove_network& o) const { return o.name; }
  std::string operator()(const remove_volume& o) const { return o.name; }
};

struct verb_visitor {
  std::string operator()(const pull_image&) const { return "pull"; }
  std::string operator()(const keep_image&) const { return "keep image as"; }
  std::string operator()(const ensure_network&) const { return "create network"; }
  std::string operator()(const ensure_volume&) const { return "create volume"; }
  std::string operator()(const create_container&) const { return "create"; }
  std::string operator()(const stop_container&) const { return "stop"; }
  std::string operator()(const rename_container& o) const {
    return o.to.find(".dockupd-") == std::string::npos ? "name " + o.to + " on" : "set aside";
  }
  std::string operator()(const snapshot_volumes& o) const { return "snapshot " + o.snapshot_id + " of"; }
  std::string operator()(const restore_volumes& o) const { return "restore from " + o.snapshot_id + " to"; }
  std::string operator()(const start_container& o) const { return o.until == goal::completed ? "run" : "start"; }
  std::string operator()(const verify_container&) const { return "verify"; }
  std::string operator()(const pin_tag& o) const { return "in " + o.file + " set"; }
  std::string operator()(const pin_images& o) const { return "in " + o.file + " set"; }
  std::string operator()(const remove_container&) const { return "remove"; }
  std::string operator()(const remove_network&) const { return "remove network"; }
  std::string operator()(const remove_volume&) const { return "remove volume"; }
};

}  // namespace

std::string subject_of(const action& a) { return std::visit(subject_visitor{}, a); }

std::string describe(const action& a) { return std::visit(verb_visitor{}, a) + " " + subject_of(a); }

}  // namespace orchestration
