package probe

import "doorstation/internal/check"

func (s *Scene) iceLinks() []check.Link { return nil }
