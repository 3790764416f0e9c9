// Compose files → one tree of long forms, as compose-go's loader makes it: interpolated, extended, included, merged,
// checked for shape, paths absolute.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orchestration/project/project.hpp"
#include "orchestration/project/project_environment.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// What a project's files may be together. A hostile project could otherwise include itself in ever new ways.
struct model_limits {
  std::size_t files_read = 1000;  // counted each time: one base file can serve many services
  std::size_t bytes_read = 64 << 20;
  std::size_t chain = 64;  // of extends, and of includes
};

class model_loader {
 public:
  /// Adds to `variables` every variable that is interpolated, and to `findings` those that are not set.
  model_loader(std::string home, const file_texts& texts, std::map<std::string, variable_origin>& variables,
               std::vector<finding>& findings)
      : home_(std::move(home)), texts_(texts), variables_(variables), findings_(findings) {}

  /// The top-level `name` of the last file that has one, not interpolated; nullptr when none has.
  const yaml_node* find_name(const std::vector<std::string>& files);

  /// Files are absolute, later ones on top. Throws load_error.
  yaml_node load(const std::vector<std::string>& files, const std::string& directory,
                 const project_environment& environment);

 private:
  struct scope;
  using chain = std::vector<std::string>;

  const std::vector<yaml_document>& documents(const std::string& file);
  yaml_node load(const std::vector<std::string>& files, const scope& in);
  yaml_node load_on_top(yaml_node model, const std::string& file, const scope& in, bool as_base);
  void interpolate(yaml_node& root, const project_environment& environment);
  void note_use(const yaml_node& node, const std::string& path, const variable_use& use,
                const project_environment& environment);
  void apply_extends(yaml_node& root, const std::string& file, const scope& in, const yaml_document& document);
  yaml_node extended(const std::string& name, yaml_node& services, const std::string& file, const scope& in,
                     const yaml_document& document, chain& seen);
  yaml_node& base_file_at(const std::string& file, const scope& in);
  void apply_includes(yaml_node& root, const scope& in);
  void apply_include(yaml_node& root, const yaml_node& include, const scope& in);

  std::string home_;
  const file_texts& texts_;
  std::map<std::string, variable_origin>& variables_;
  std::vector<finding>& findings_;
  std::map<std::string, std::vector<yaml_document>> parsed_;
  std::map<std::string, std::size_t> sizes_;
  std::size_t files_read_ = 0;
  std::size_t bytes_read_ = 0;
};

}  // namespace orchestration
