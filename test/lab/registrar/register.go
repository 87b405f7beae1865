package registrar

import (
	"slices"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Registration lifetimes, in seconds. What is asked outside of them is moved to the nearest, as Asterisk does,
// rather than refused with 423.
const (
	leastExpires   = 60
	defaultExpires = 300
	mostExpires    = 7200
)

// binding is one contact of an extension.
type binding struct {
	address sip.Uri
	flow    *flow
	until   time.Time
}

// register handles REGISTER (RFC 3261 section 10.3): adds, refreshes, removes and lists contacts.
func (s *Server) register(from *flow, req *sip.Request) {
	if !s.authenticate(from, req) {
		return
	}
	extension := from.user
	if req.To().Address.User != extension {
		s.reply(from, req, sip.StatusForbidden, "Forbidden")
		return
	}

	common, ok := seconds(req.GetHeader("Expires"), defaultExpires)
	if !ok {
		s.reply(from, req, sip.StatusBadRequest, "Bad Expires")
		return
	}
	now := time.Now()
	for _, h := range req.GetHeaders("Contact") {
		contact, isContact := h.(*sip.ContactHeader)
		if !isContact {
			continue
		}
		if contact.Address.Wildcard {
			if common != 0 {
				s.reply(from, req, sip.StatusBadRequest, "Contact * needs Expires 0")
				return
			}
			delete(s.bindings, extension)
			continue
		}
		life := common
		if v, has := contact.Params.Get("expires"); has {
			if life, ok = parseSeconds(v); !ok {
				s.reply(from, req, sip.StatusBadRequest, "Bad expires")
				return
			}
		}
		s.bind(extension, from, contact.Address, life, now)
	}

	res := sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)
	for _, b := range s.contacts(extension) {
		left := int(b.until.Sub(now).Round(time.Second) / time.Second)
		res.AppendHeader(&sip.ContactHeader{
			Address: *b.address.Clone(),
			Params:  sip.HeaderParams{{K: "expires", V: strconv.Itoa(left)}},
		})
	}
	s.log.Debug("registered", "flow", from.id, "extension", extension, "contacts", len(s.contacts(extension)))
	from.send([]byte(res.String()))
}

// bind adds, refreshes or (life 0) removes one contact.
func (s *Server) bind(extension string, from *flow, address sip.Uri, life int, now time.Time) {
	list := slices.DeleteFunc(s.contacts(extension), func(b *binding) bool {
		return b.address.Endpoint() == address.Endpoint()
	})
	if life > 0 {
		life = min(max(life, leastExpires), mostExpires)
		list = append(list, &binding{
			address: *address.Clone(), flow: from, until: now.Add(time.Duration(life) * time.Second),
		})
		if len(list) > maxContacts {
			list = slices.Delete(list, 0, len(list)-maxContacts)
		}
	}
	if len(list) == 0 {
		delete(s.bindings, extension)
		return
	}
	s.bindings[extension] = list
}

// contacts are the live contacts of an extension, oldest first; what has expired is forgotten on the way.
func (s *Server) contacts(extension string) []*binding {
	now := time.Now()
	list := slices.DeleteFunc(s.bindings[extension], func(b *binding) bool { return !now.Before(b.until) })
	if len(list) == 0 {
		delete(s.bindings, extension)
		return nil
	}
	s.bindings[extension] = list
	return list
}

// contactFlow finds the connection behind a request's target: clients on a WebSocket use made-up host names,
// which only their registration explains.
func (s *Server) contactFlow(target sip.Uri) *flow {
	for extension := range s.bindings {
		for _, b := range s.contacts(extension) {
			if b.address.Host == target.Host && b.address.Port == target.Port {
				return b.flow
			}
		}
	}
	return nil
}

// dropBindings removes the contacts of a closed connection: nobody can be reached there any more.
func (s *Server) dropBindings(f *flow) {
	for extension, list := range s.bindings {
		list = slices.DeleteFunc(list, func(b *binding) bool { return b.flow == f })
		if len(list) == 0 {
			delete(s.bindings, extension)
			continue
		}
		s.bindings[extension] = list
	}
}

func seconds(h sip.Header, absent int) (int, bool) {
	if h == nil {
		return absent, true
	}
	return parseSeconds(h.Value())
}

func parseSeconds(v string) (int, bool) {
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil {
		return 0, false
	}
	return int(min(n, mostExpires)), true
}
