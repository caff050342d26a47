package cloud

import (
	"context"
	"fmt"
	"math"

	"medunion/api/message"
	"medunion/api/problem"
)

// maxAnswer bounds the elements of one answer about uses.
const maxAnswer = 1000

// Ask answers what the holder of sk_L asks by herself (section 4.4): the uses of
// a consent, the entries of her locator, or the revocation of a consent. The
// question names nobody; it speaks for one locator, and about another one learns
// and changes nothing.
func (c *Cloud) Ask(ctx context.Context, raw []byte) ([]byte, error) {
	h, body, err := c.open(ctx, raw, message.TypeAsk)
	if err != nil {
		return nil, err
	}
	q, err := message.DecodeCloudQuestion(h.Suite, body)
	if err != nil {
		return nil, problem.Refused(err)
	}
	l := message.Locator(q.VK)
	root, err := c.asked(func(self message.Hash) error {
		return q.VK.Verify(message.TBSAsk(h, l, self, q.Question, q.PKe), q.Signature)
	})
	if err != nil {
		return nil, askedOther(err)
	}
	if _, err := c.accept(ctx, l, h); err != nil {
		return nil, err
	}
	content, more, err := c.answer(ctx, l, q.Question)
	if err != nil {
		return nil, err
	}
	return c.sealAnswer(h, l, q, content, more, root)
}

// askedOther is the refusal of a question whose signature holds under no root that is good.
func askedOther(err error) error {
	if problem.KindOf(err) == problem.KindUnavailable {
		return err
	}
	return problem.Refused(fmt.Errorf("S_sk_L: %w", err))
}

func (c *Cloud) answer(ctx context.Context, l message.Hash, q message.Question) (content []byte, more bool, err error) {
	if q.From > math.MaxInt32 {
		return nil, false, problem.Invalid("The question begins beyond every list.")
	}
	switch q.Kind {
	case message.AskUses:
		uses, err := c.Consents.Uses(ctx, q.Consent, c.handle(handleUses, q.Consent[:], l[:]), int(q.From), maxAnswer)
		return message.EncodeUses(uses), len(uses) == maxAnswer, err
	case message.AskEntries:
		found, err := c.entries(ctx, []message.Hash{l}, int(q.From))
		return message.EncodeEntries(found), len(found) == maxFound, err
	case message.AskRevoke:
		return message.EncodeUses(nil), false, c.Revocations.RevokeConsent(ctx, c.handle(handleRevoked, q.Consent[:], l[:]), c.now())
	}
	return nil, false, problem.Invalid("The question is one for a hospital.")
}

func (c *Cloud) sealAnswer(h message.Header, l message.Hash, q message.CloudQuestion, content []byte, more bool, root OwnRoot) ([]byte, error) {
	reply, err := c.beginReply(h, message.TypeAnswer, q.PKe, "")
	if err != nil {
		return nil, err
	}
	tbs := message.TBSAnswered(reply.Header(), l, root.Public().Hash(), q.Question, content, more)
	return sealReply(reply, message.Answer{Content: content, More: more, Signature: root.SigningKey.Sign(tbs)}.Encode())
}
