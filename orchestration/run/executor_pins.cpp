// The user's own files: one line of an env file, one image in an override file.
#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/plan/pinned_text.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/run/executor.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/recorded_pins.hpp"

namespace orchestration {
namespace {

docker::json said(const char* text) { return docker::json::object({{"said", text}}); }

}  // namespace

docker::json executor::warned(const std::filesystem::path& file, const char* what, const std::string& text) {
  progress_event event;
  event.what = progress_event::kind::warning;
  event.subject = file.string();
  event.text = text;
  workspace_.progress(event);
  return docker::json::object({{"said", what}, {"warning", text}});
}

std::string executor::write_for_user(const std::filesystem::path& file, const std::optional<std::string>& text) {
  const auto write = [&] {
    if (!text)
      remove_durably(file);
    else if (std::filesystem::exists(file))
      replace_text_keeping_attributes(file, *text);
    else
      create_text_of_the_directory(file, *text);
  };
  try {
    if (at_full_ == full_disk::uses_ballast)
      with_ballast(workspace_, write);
    else
      write();
  } catch (const file_error& error) {
    if (at_full_ == full_disk::gives_up) throw;
    // The version that a person waits for runs, which is worth more than one line.
    return error.what();
  }
  return {};
}

executor::result executor::ensure(pin_tag o) {
  docker::json detail;
  std::string failure;
  try {
    detail = write_line(o);
  } catch (const std::runtime_error& error) {  // not to be read, or no env file any more
    if (at_full_ == full_disk::gives_up) throw;
    failure = error.what();
  }
  if (failure.empty()) co_return detail;
  co_return not_written(o, "could not be read", failure);
}

docker::json executor::write_line(const pin_tag& o) {
  const std::filesystem::path file = o.file;
  const bool there = std::filesystem::exists(file);
  // Going back to a release must not fail because the project's folder is gone.
  if (!there && !std::filesystem::is_directory(file.parent_path()))
    return o.value.empty() ? said("the folder is gone") : not_written(o, "the folder is gone", "its folder is gone");
  const std::string text = there ? read_file(file) : std::string();
  remove_partials(
      std::filesystem::weakly_canonical(file));  // a killed run's, also where there is nothing to write any more
  const std::string stands = read_env_value(text, o.variable).value_or("");
  const std::string pinned =
      o.value.empty() ? without_env_value(text, o.variable) : rewrite_env_value(text, o.variable, o.value);
  if (pinned == text) return said("already so");
  if (is_somebody_elses(o, stands))
    return not_written(o, "changed by somebody", "somebody changed it to " + (stands.empty() ? "nothing" : stands));
  // The way back only undoes what this attempt wrote.
  if (which_ == "undo" && stands != o.previous) return said("was not changed");
  const std::string failure = write_for_user(file, pinned);
  return failure.empty() ? docker::json() : not_written(o, "could not be written", failure);
}

bool executor::is_somebody_elses(const pin_tag& o, const std::string& stands) const {
  if (which_ == "undo") return is_another(o, stands);
  const bool is_known = !o.previous.empty() || !o.has_line;
  return is_known && !stands.empty() && is_another(o, stands);
}

docker::json executor::not_written(const pin_tag& o, const char* what, const std::string& why) {
  const std::string by_hand = o.value.empty() ? "Take " + o.variable + " out of it" : "Write that line into it";
  return warned(o.file, what,
                to_text(o) + " was not written into " + o.file + ": " + why + ". " + by_hand +
                    " by hand, or the next `docker compose up` deploys another tag");
}

executor::result executor::ensure(pin_images o) {
  docker::json detail;
  std::string failure;
  try {
    detail = write_images(o);
  } catch (const std::runtime_error& error) {
    if (at_full_ == full_disk::gives_up) throw;
    failure = error.what();
  }
  if (failure.empty()) co_return detail;
  co_return not_written(o, "could not be read", failure);
}

docker::json executor::write_images(const pin_images& o) {
  const std::filesystem::path file = o.file;
  const bool there = std::filesystem::exists(file);
  std::optional<std::string> text;
  if (there) text = read_file(file);
  if (!there && !std::filesystem::is_directory(file.parent_path()))
    return not_written(o, "the folder is gone", "its folder is gone");
  remove_partials(std::filesystem::weakly_canonical(file));
  const pinned_text wanted = text_with_pins(o, text);
  if (wanted.text == text && wanted.left.empty()) return said("already so");
  std::string failure;
  if (wanted.text != text) failure = write_for_user(file, wanted.text);
  if (failure.empty() && wanted.left.empty()) return docker::json();
  return not_written(o, "could not be written", failure.empty() ? wanted.left : failure);
}

docker::json executor::not_written(const pin_images& o, const char* what, const std::string& why) {
  return warned(o.file, what,
                to_text(o) + " was not written: " + why + ". See to it in " + o.file +
                    ", or the next `docker compose up` deploys another image");
}

}  // namespace orchestration
