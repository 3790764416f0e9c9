// The user's own files: one line of an env file, one image in an override file.
#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/plan/pinned_text.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/run/executor.hpp"
#include "orchestration/run/full_disk.hpp"

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
  const std::filesystem::path file = o.file;
  const bool there = std::filesystem::exists(file);
  const std::string line = o.variable + "=" + o.value;
  // Going back to a release must not fail because the project's folder is gone.
  if (!there && !std::filesystem::is_directory(file.parent_path())) {
    warned(file, "",
           line + " was not written: the folder of " + o.file +
               " is gone. Write it by hand where the project is now, or the next `docker compose up` deploys "
               "another tag");
    co_return said("the folder is gone");
  }
  const std::string text = there ? read_file(file) : std::string();
  remove_partials(
      std::filesystem::weakly_canonical(file));  // a killed run's, also where there is nothing to write any more
  // The way back only undoes what this attempt wrote: a line that was never changed, or changed by hand since, stays.
  if (which_ == "undo" && read_env_value(text, o.variable) != o.previous) co_return said("was not changed");
  const std::string pinned = rewrite_env_value(text, o.variable, o.value);
  if (pinned == text) co_return said("already so");
  const std::string failure = write_for_user(file, pinned);
  if (failure.empty()) co_return docker::json();
  co_return warned(file, "could not be written",
                   line + " was not written: " + failure + ". Write that line into " + o.file +
                       " by hand, or the next `docker compose up` deploys another tag");
}

executor::result executor::ensure(pin_images o) {
  const std::filesystem::path file = o.file;
  const bool there = std::filesystem::exists(file);
  std::optional<std::string> text;
  if (there) text = read_file(file);
  if (!there && !std::filesystem::is_directory(file.parent_path()))
    co_return warned(file, "the folder is gone", to_text(o) + " was not written: the folder of " + o.file + " is gone");
  remove_partials(std::filesystem::weakly_canonical(file));
  const pinned_text wanted = text_with_pins(o, text);
  if (wanted.text == text && wanted.left.empty()) co_return said("already so");
  std::string failure;
  if (wanted.text != text) failure = write_for_user(file, wanted.text);
  if (failure.empty() && wanted.left.empty()) co_return docker::json();
  // On the way back a line that this attempt never wrote is as it should be.
  if (failure.empty() && which_ == "undo") co_return said("was not changed");
  co_return warned(file, "could not be written",
                   to_text(o) + " was not written: " + (failure.empty() ? wanted.left : failure) + ". See to it in " +
                       o.file + ", or the next `docker compose up` deploys another image");
}

}  // namespace orchestration
