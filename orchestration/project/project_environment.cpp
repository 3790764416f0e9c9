#include "orchestration/project/project_environment.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "orchestration/project/dotenv.hpp"
#include "orchestration/project/load.hpp"

namespace orchestration {
namespace {

[[noreturn]] void fail_on_file(const std::string& file, int line, std::string what, std::string advice = {}) {
  throw load_error({finding{severity::error, place{file, line, 0}, "", std::move(what), std::move(advice)}});
}

const std::string* pretended(const std::string& file, const file_texts& texts) {
  if (texts.empty()) return nullptr;
  std::error_code error;
  const auto found = texts.find(std::filesystem::weakly_canonical(file, error).string());
  return error || found == texts.end() ? nullptr : &found->second;
}

}  // namespace

const environment_variable* project_environment::find(const std::string& name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? nullptr : &found->second;
}

std::optional<std::string> project_environment::value(const std::string& name) const {
  const environment_variable* found = find(name);
  return found == nullptr ? std::nullopt : std::optional(found->value);
}

std::string project_environment::value_or(const std::string& name, std::string_view other) const {
  return value(name).value_or(std::string(other));
}

void project_environment::set(const std::string& name, environment_variable variable) {
  variables_.insert_or_assign(name, std::move(variable));
}

void project_environment::add(const std::string& name, environment_variable variable) {
  variables_.try_emplace(name, std::move(variable));
}

void project_environment::add_files(const std::vector<std::string>& files) {
  std::map<std::string, std::string> read;
  std::map<std::string, environment_variable> found;
  for (const std::string& file : files) {
    const std::string text = read_text_file(file, env_file_limit, texts_);
    try {
      for (dotenv_variable& each : parse_dotenv(text, lookup(), read)) {
        if (observer_) observer_(each.name, each.value);
        found.insert_or_assign(each.name,
                               environment_variable{each.value, variable_source::env_file, {file, each.line, 0}});
        read.insert_or_assign(each.name, each.value);
      }
    } catch (const dotenv_error& error) {
      fail_on_file(file, error.line(), error.what());
    }
  }
  for (auto& [name, variable] : found) add(name, std::move(variable));
}

variable_lookup project_environment::lookup() const {
  return [this](const std::string& name) { return value(name); };
}

bool is_there(const std::string& file, const file_texts& texts) {
  if (pretended(file, texts) != nullptr) return true;
  std::error_code error;
  return std::filesystem::exists(file, error) || error;
}

std::string read_text_file(const std::string& file, std::size_t limit, const file_texts& texts) {
  if (const std::string* text = pretended(file, texts)) return *text;
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found) fail_on_file(file, 0, "there is no such file");
  if (error) fail_on_file(file, 0, "cannot be read: " + error.message());
  // A pipe would make the load wait.
  if (!std::filesystem::is_regular_file(status)) fail_on_file(file, 0, "is no regular file");
  std::ifstream in(file, std::ios::binary);
  if (!in) fail_on_file(file, 0, std::string("cannot be read: ") + std::strerror(errno));
  // Piece by piece: room for the limit would have to be cleared for each small file.
  std::string text;
  std::array<char, 16384> piece;
  while (text.size() <= limit && (in.read(piece.data(), piece.size()), in.gcount() > 0))
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  if (text.size() > limit)
    fail_on_file(file, 0, "larger than " + std::to_string(limit) + " bytes", "Is it the right file?");
  return text;
}

}  // namespace orchestration
