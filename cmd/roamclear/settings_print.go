package main

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// printConfig prints the settings as YAML or JSON, secrets left out.
func printConfig(w io.Writer, c Config, asJSON bool) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	sections := map[string]*yaml.Node{}
	for _, s := range settings(&c) {
		var value yaml.Node
		if err := value.Encode(s.at); err != nil {
			return fmt.Errorf("print setting %s: %w", s.name, err)
		}
		if _, zero, ok := strings.Cut(s.help, "; 0: "); ok && value.Value == "0" {
			value.LineComment = zero
		}
		section, path := root, strings.Split(s.name, ".")
		for i, key := range path[:len(path)-1] {
			name := strings.Join(path[:i+1], ".")
			if sections[name] == nil {
				sections[name] = &yaml.Node{Kind: yaml.MappingNode}
				addMember(section, key, sections[name])
			}
			section = sections[name]
		}
		addMember(section, path[len(path)-1], &value)
	}
	if asJSON {
		var all map[string]any
		if err := root.Decode(&all); err != nil {
			return fmt.Errorf("print settings: %w", err)
		}
		return writeJSON(w, all)
	}
	b, err := yaml.Marshal(root)
	if err != nil {
		return fmt.Errorf("print settings: %w", err)
	}
	_, err = w.Write(b)
	return err
}

func addMember(mapping *yaml.Node, key string, value *yaml.Node) {
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}
